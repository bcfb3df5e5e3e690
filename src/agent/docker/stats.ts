// A container's CPU and memory straight from its control group: two or three small reads, where the engine's own answer takes a second.
// Where the control groups cannot be read (an engine elsewhere), the engine is asked.
import { readFile } from 'node:fs/promises'
import type { Ctx } from '../../base/ctx.ts'
import { type ContainerStats, RuntimeError } from '../cri/runtime.ts'
import type { Engine } from './engine.ts'

const ROOT = '/sys/fs/cgroup'

/** Where the figures of one control group stand. */
export interface CgroupPaths {
  version: 1 | 2
  cpu: string
  memory: string
}

/** From `/proc/<pid>/cgroup`. Undefined where that does not say. */
export function cgroupPaths(text: string): CgroupPaths | undefined {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
  const of = (controller: string) => lines.find((line) => line?.[1]?.split(',').includes(controller))?.[2]
  const cpu = of('cpuacct')
  const memory = of('memory')
  if (cpu !== undefined && memory !== undefined)
    return { version: 1, cpu: `${ROOT}/cpuacct${cpu}`, memory: `${ROOT}/memory${memory}` }
  const unified = of('')
  return unified === undefined ? undefined : { version: 2, cpu: ROOT + unified, memory: ROOT + unified }
}

/** k8s: the working set is the usage without the file cache that has not been used lately. */
export const workingSet = (usage: number, inactiveFile: number) => Math.max(usage - inactiveFile, 0)

export async function readCgroup(
  paths: CgroupPaths,
): Promise<Omit<ContainerStats, 'containerId' | 'timestampMs' | 'writableLayerBytes'>> {
  if (paths.version === 1) {
    const [cpu, usage, stat] = await Promise.all([
      read(`${paths.cpu}/cpuacct.usage`),
      read(`${paths.memory}/memory.usage_in_bytes`),
      read(`${paths.memory}/memory.stat`),
    ])
    const memoryUsageBytes = Number(usage)
    return {
      cpuUsageNanoseconds: Number(cpu),
      memoryUsageBytes,
      memoryWorkingSetBytes: workingSet(memoryUsageBytes, field(stat, 'total_inactive_file')),
    }
  }
  const [cpu, usage, stat] = await Promise.all([
    read(`${paths.cpu}/cpu.stat`),
    read(`${paths.memory}/memory.current`),
    read(`${paths.memory}/memory.stat`),
  ])
  const memoryUsageBytes = Number(usage)
  return {
    cpuUsageNanoseconds: field(cpu, 'usage_usec') * 1000,
    memoryUsageBytes,
    memoryWorkingSetBytes: workingSet(memoryUsageBytes, field(stat, 'inactive_file')),
  }
}

const read = (path: string) => readFile(path, 'utf8')
const field = (text: string, name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)

export class Stats {
  readonly #engine: Engine
  readonly #paths = new Map<string, CgroupPaths>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async of(ctx: Ctx, containerId: string): Promise<ContainerStats> {
    const known = this.#paths.get(containerId)
    const figures = known && (await readCgroup(known).catch(() => undefined))
    if (figures) return this.#answer(containerId, figures)
    this.#paths.delete(containerId)
    const inspect = await this.#engine.call(ctx, (docker, abortSignal) =>
      docker.getContainer(containerId).inspect({ abortSignal }),
    )
    if (!inspect.State.Running) throw new RuntimeError('NotFound', `container ${containerId} does not run`)
    const text = await read(`/proc/${inspect.State.Pid}/cgroup`).catch(() => '')
    const paths = text.includes(containerId) ? cgroupPaths(text) : undefined
    const fresh = paths && (await readCgroup(paths).catch(() => undefined))
    if (!paths || !fresh) return this.#ask(ctx, containerId)
    this.#paths.set(containerId, paths)
    return this.#answer(containerId, fresh)
  }

  /** Its control group is gone with it. */
  forget(containerId: string): void {
    this.#paths.delete(containerId)
  }

  #answer(containerId: string, figures: Awaited<ReturnType<typeof readCgroup>>): ContainerStats {
    return { containerId, timestampMs: this.#engine.clock.now(), ...figures, writableLayerBytes: undefined }
  }

  async #ask(ctx: Ctx, containerId: string): Promise<ContainerStats> {
    const stats = await this.#engine.call(ctx, (docker) =>
      docker.getContainer(containerId).stats({ stream: false, 'one-shot': true }),
    )
    const memory = stats.memory_stats.stats as { total_inactive_file?: number; inactive_file?: number } | undefined
    const memoryUsageBytes = stats.memory_stats.usage ?? 0
    return this.#answer(containerId, {
      cpuUsageNanoseconds: stats.cpu_stats.cpu_usage.total_usage,
      memoryUsageBytes,
      memoryWorkingSetBytes: workingSet(memoryUsageBytes, memory?.total_inactive_file ?? memory?.inactive_file ?? 0),
    })
  }
}
