// subPath mounts, safely: a container that can write to the volume may plant symbolic links in it, which must never lead out of it. The
// path is resolved, checked, opened step by step without following links, and what was opened (not its name) is bind-mounted.
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Ctx } from '../../base/ctx.ts'
import { bindMount } from './mounts.ts'

const within = (path: string, root: string) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)

/**
 * @param target where the mount point is made; in a directory that only the agent writes to.
 * @param canMount without the right to mount, the checked path itself is given.
 * @returns the path on the node to mount into the container
 */
export async function prepareSubPath(
  ctx: Ctx,
  volumePath: string,
  subPath: string,
  target: string,
  canMount: boolean,
): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new Error(`subPath "${subPath}" must be a relative path without '..'`)
  const root = await realpath(volumePath)
  const wanted = join(root, subPath)
  await makeDirs(root, wanted)
  const real = await realpath(wanted)
  if (!within(real, root)) throw new Error(`subPath "${subPath}" leads out of its volume`)
  if (!canMount) return real
  const handle = await openInside(root, real)
  try {
    const isDirectory = (await handle.stat()).isDirectory()
    await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 })
    if (!isDirectory) await (await open(target, 'a', 0o640)).close()
    await bindMount(ctx, `/proc/${process.pid}/fd/${handle.fd}`, target)
  } finally {
    await handle.close()
  }
  return target
}

/** k8s: what is missing is made as directories. Existing parts are resolved first, so that nothing is made outside. */
async function makeDirs(root: string, wanted: string): Promise<void> {
  let existing = wanted
  while (!(await stat(existing).catch(() => undefined))) existing = dirname(existing)
  if (!within(await realpath(existing), root)) throw new Error('subPath leads out of its volume')
  if (existing !== wanted) await mkdir(wanted, { recursive: true, mode: 0o755 })
}

/** Opens a path below `root`, one element at a time, refusing symbolic links. */
async function openInside(root: string, path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  let handle = await open(root, O_RDONLY)
  for (const part of path.slice(root.length).split('/').filter(Boolean)) {
    let next: FileHandle
    try {
      next = await open(`/proc/self/fd/${handle.fd}/${part}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    } finally {
      await handle.close()
    }
    handle = next
  }
  return handle
}
