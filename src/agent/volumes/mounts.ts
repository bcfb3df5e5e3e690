// The few mounts that the agent makes: a tmpfs for what must not reach the disk, a tmpfs per in-memory emptyDir, and bind mounts that
// pin subPaths. The kernel's own table (/proc/self/mountinfo) is the only record of them.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Ctx } from '../../base/ctx.ts'

const run = promisify(execFile)
const TIMEOUT_MS = 10_000

async function command(ctx: Ctx, name: string, args: readonly string[]): Promise<void> {
  try {
    await run(name, args, { timeout: TIMEOUT_MS, signal: ctx.signal })
  } catch (err) {
    ctx.signal.throwIfAborted()
    const words = (err as { stderr?: string }).stderr?.trim() || (err instanceof Error ? err.message : String(err))
    throw new Error(`${name} ${args.at(-1)}: ${words}`, { cause: err })
  }
}

/** Mount points at or below a directory, deepest first. */
export async function mountsBelow(dir: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  return parseMountInfo(table)
    .filter((point) => point === dir || point.startsWith(`${dir}/`))
    .sort((a, b) => b.length - a.length)
}

/** The mount points of a mountinfo table, with its octal escapes undone. */
export function parseMountInfo(table: string): string[] {
  return table
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point) => point !== undefined)
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))))
}

const isMountPoint = async (dir: string) => (await mountsBelow(dir)).includes(dir)

/** @param sizeBytes 0 for the kernel's default (half of the memory). Nothing happens when something is mounted there already. */
export async function mountTmpfs(ctx: Ctx, dir: string, sizeBytes: number, mode = '0777'): Promise<void> {
  if (await isMountPoint(dir)) return
  const options = ['noswap', `mode=${mode}`, 'nosuid', 'nodev', ...(sizeBytes > 0 ? [`size=${sizeBytes}`] : [])]
  const mount = (list: readonly string[]) => command(ctx, 'mount', ['-t', 'tmpfs', '-o', list.join(','), 'tmpfs', dir])
  // Kernels before 6.4 do not know noswap.
  await mount(options).catch(() => mount(options.slice(1)))
}

/** Shows `source` at `target` (both of one kind: file or directory). Nothing happens when something is mounted there already. */
export async function bindMount(ctx: Ctx, source: string, target: string): Promise<void> {
  if (await isMountPoint(target)) return
  await command(ctx, 'mount', ['--no-canonicalize', '--bind', source, target])
}

export async function unmountBelow(ctx: Ctx, dir: string): Promise<void> {
  for (const point of await mountsBelow(dir)) await command(ctx, 'umount', ['-l', point])
}
