// Where pods' files are on this node: `pods/<uid>` below the data directory, and the same below one tmpfs for what must not reach the
// disk. Everything of a pod is taken away by its uid alone, so that leftovers of an earlier agent go the same way.
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ctx } from '../../base/ctx.ts'
import { mountsBelow, mountTmpfs, unmountBelow } from './mounts.ts'

export class VolumeStore {
  readonly #podsDir: string
  readonly #memoryDir: string
  #memoryReady: Promise<void> | undefined
  #canMount = true

  constructor(dataDir: string) {
    this.#podsDir = join(dataDir, 'pods')
    this.#memoryDir = join(dataDir, 'memory')
  }

  /** False once the kernel has refused a mount: tests and agents without root. */
  get canMount(): boolean {
    return this.#canMount
  }

  podDir(uid: string): string {
    return join(this.#podsDir, safeName(uid))
  }

  async makePodDir(uid: string): Promise<string> {
    const dir = this.podDir(uid)
    await mkdir(dir, { recursive: true, mode: 0o750 })
    return dir
  }

  volumeDir(uid: string, plugin: string, volume: string): string {
    return join(this.podDir(uid), 'volumes', plugin.replace('/', '~'), safeName(volume))
  }

  /** Makes the tmpfs when it is first needed. Where mounting is not allowed it is a plain directory that only root can enter. */
  async memoryVolumeDir(ctx: Ctx, uid: string, volume: string): Promise<string> {
    this.#memoryReady ??= this.#mountMemory(ctx).catch((err) => {
      this.#memoryReady = undefined
      throw err
    })
    await this.#memoryReady
    const parent = join(this.#memoryDir, safeName(uid))
    await mkdir(parent, { recursive: true, mode: 0o750 })
    return join(parent, safeName(volume))
  }

  async #mountMemory(ctx: Ctx): Promise<void> {
    await mkdir(this.#memoryDir, { recursive: true, mode: 0o700 })
    try {
      await mountTmpfs(ctx, this.#memoryDir, 0, '0700')
    } catch (err) {
      ctx.signal.throwIfAborted()
      this.#canMount = false
      ctx.log.warn({ err, dir: this.#memoryDir }, 'no tmpfs for secrets: they are kept in a directory')
      await chmod(this.#memoryDir, 0o700)
    }
  }

  /** Unmounts and removes everything of a pod. Idempotent. */
  async removePod(ctx: Ctx, uid: string): Promise<void> {
    const dir = this.podDir(uid)
    await unmountBelow(ctx, dir)
    await rm(dir, { recursive: true, force: true })
    await rm(join(this.#memoryDir, safeName(uid)), { recursive: true, force: true })
  }

  /** Uids of the pods that have files here. */
  async podUids(): Promise<string[]> {
    const names = await Promise.all([this.#podsDir, this.#memoryDir].map((dir) => readdir(dir).catch(() => [])))
    return [...new Set(names.flat())]
  }
}

/** Takes every mount of an agent away, whether or not it runs; its files stay. For `skiff down`. */
export async function unmountAll(ctx: Ctx, dataDir: string): Promise<void> {
  for (const dir of ['pods', 'memory'])
    if ((await mountsBelow(join(dataDir, dir))).length > 0) await unmountBelow(ctx, join(dataDir, dir))
}

/** Uids and volume names are DNS names by validation; never a path. */
function safeName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} cannot be a directory name`)
  return name
}
