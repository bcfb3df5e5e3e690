// One look at everything that runs: the figures of the node and of each running container, for /stats/summary and the metrics. CPU rates
// need two looks; the last one is kept.
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { ContainerStats, RuntimeService } from '../cri/runtime.ts'
import type { PodLookup, ServedPod } from './lookup.ts'
import { type NodeFigures, nodeFigures } from './node-figures.ts'

export interface ContainerSample extends ContainerStats {
  name: string
  startedAtMs: number | undefined
  /** Undefined at the first look. */
  cpuNanoCores: number | undefined
}
export interface PodSample {
  pod: ServedPod
  containers: ContainerSample[]
}
export interface Sample {
  timeMs: number
  node: NodeFigures
  nodeCpuNanoCores: number | undefined
  pods: PodSample[]
}

interface Seen {
  timeMs: number
  cpuNanoseconds: number
  rate: number | undefined
}
/** Two looks closer than this give no useful rate; the earlier one is used again. */
const LEAST_WINDOW_MS = 1_000

export class Sampler {
  readonly #clock: Clock
  readonly #runtime: RuntimeService
  readonly #pods: PodLookup
  readonly #dataDirectory: string
  #seen = new Map<string, Seen>()

  constructor(options: { clock: Clock; runtime: RuntimeService; pods: PodLookup; dataDirectory: string }) {
    this.#clock = options.clock
    this.#runtime = options.runtime
    this.#pods = options.pods
    this.#dataDirectory = options.dataDirectory
  }

  async take(ctx: Ctx): Promise<Sample> {
    const node = await nodeFigures(this.#dataDirectory)
    const timeMs = this.#clock.now()
    const next = new Map<string, Seen>()
    const nodeCpuNanoCores = this.#rate(next, 'node', timeMs, node.cpuUsageNanoseconds)
    const pods = await Promise.all(
      [...this.#pods.list()].map(async (pod) => {
        const containers = await Promise.all(
          [...pod.containers].map(async ([name, container]): Promise<ContainerSample | undefined> => {
            if (!container.currentId) return undefined
            try {
              const stats = await this.#runtime.stats(ctx, container.currentId)
              const cpuNanoCores = this.#rate(next, stats.containerId, stats.timestampMs, stats.cpuUsageNanoseconds)
              return { ...stats, name, startedAtMs: container.startedAtMs, cpuNanoCores }
            } catch (err) {
              ctx.signal.throwIfAborted()
              ctx.log.debug({ err, containerId: container.currentId }, 'no figures of a container')
              return undefined // it does not run
            }
          }),
        )
        return { pod, containers: containers.filter((c) => c !== undefined) }
      }),
    )
    this.#seen = next
    return { timeMs, node, nodeCpuNanoCores, pods }
  }

  #rate(next: Map<string, Seen>, id: string, timeMs: number, cpuNanoseconds: number): number | undefined {
    const last = this.#seen.get(id)
    const elapsedMs = last ? timeMs - last.timeMs : 0
    if (last && elapsedMs < LEAST_WINDOW_MS) {
      next.set(id, last)
      return last.rate
    }
    const rate = last && Math.round(Math.max(cpuNanoseconds - last.cpuNanoseconds, 0) / (elapsedMs / 1000))
    next.set(id, { timeMs, cpuNanoseconds, rate })
    return rate
  }
}
