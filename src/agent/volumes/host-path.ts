// The hostPath volume: a path of the node itself, checked to be of the type that the pod expects.
import { mkdir, open, stat } from 'node:fs/promises'
import type { VolumePlugin } from './plugin.ts'

/** A path of the node itself, checked to be what the pod expects. */
export const hostPathVolume: VolumePlugin = {
  name: 'kubernetes.io/host-path',
  handles: (volume) => volume.hostPath !== undefined,
  live: false,
  async setUp(_ctx, volume) {
    const { path, type = '' } = volume.hostPath!
    if (path.split('/').includes('..')) throw new Error(`invalid path ${path}: must not contain '..'`)
    if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 })
    if (type === 'FileOrCreate') await (await open(path, 'a', 0o644)).close()
    const found = await stat(path).catch(() => undefined)
    if (type === '') {
      // k8s: with no type nothing is checked, and runtimes make a directory of what is missing.
      if (!found) await mkdir(path, { recursive: true, mode: 0o755 })
      return path
    }
    const fail = (what: string) => new Error(`hostPath type check failed: ${path} is not ${what}`)
    const checks: Readonly<Record<string, [boolean | undefined, string]>> = {
      Directory: [found?.isDirectory(), 'a directory'],
      DirectoryOrCreate: [found?.isDirectory(), 'a directory'],
      File: [found?.isFile(), 'a file'],
      FileOrCreate: [found?.isFile(), 'a file'],
      Socket: [found?.isSocket(), 'a socket file'],
      CharDevice: [found?.isCharacterDevice(), 'a character device'],
      BlockDevice: [found?.isBlockDevice(), 'a block device'],
    }
    const [ok, what] = checks[type] ?? [false, type]
    if (!ok) throw fail(what)
    return path
  },
}
