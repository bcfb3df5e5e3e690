// RuntimeService and ImageService on a Docker Engine. Only wiring: each subject has its own file beside this one.
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Logger } from '../../base/log.ts'
import {
  type ContainerConfig,
  type ImageService,
  type LinuxResources,
  type LogLine,
  type LogOptions,
  type PodSandbox,
  type PodSandboxConfig,
  type ProcessIO,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeService,
} from '../cri/runtime.ts'
import { Containers } from './containers.ts'
import { Engine } from './engine.ts'
import { events } from './events.ts'
import { attach, exec, execSync } from './exec.ts'
import { Images } from './images.ts'
import { labelFilters } from './labels.ts'
import { logs } from './logs.ts'
import { PodNetwork, type PodNetworkConfig } from './network.ts'
import { PortForwarder } from './port-forward.ts'
import { Sandboxes } from './sandbox.ts'
import { Stats } from './stats.ts'

export interface DockerRuntimeOptions {
  /** `unix:///var/run/docker.sock`, or the path alone. */
  socket: string
  /** Containers of other clusters on the same engine are never seen. */
  cluster: string
  podNetwork: PodNetworkConfig
  log: Logger
  clock?: Clock
}

export interface DockerRuntime {
  runtime: RuntimeService
  images: ImageService
  /** Everything this cluster has in the engine: its containers (killed, in parallel), its network and rules. Images stay. */
  removeAll(ctx: Ctx): Promise<void>
  /** The pod network and the sandbox image; otherwise the first pod waits for them. */
  prepare(ctx: Ctx): Promise<void>
  /** Ends helper processes. Containers run on. */
  close(): void
}

export function createDockerRuntime(options: DockerRuntimeOptions): DockerRuntime {
  const engine = new Engine({ ...options, clock: options.clock ?? systemClock })
  const network = new PodNetwork(engine, options.podNetwork)
  const images = new Images(engine)
  const sandboxes = new Sandboxes(engine, network)
  const containers = new Containers(engine, sandboxes, images)
  const stats = new Stats(engine)
  const forwarder = new PortForwarder(engine.clock)
  return {
    runtime: new DockerRuntimeService({ engine, sandboxes, containers, stats, forwarder }),
    images,
    prepare: (ctx) => sandboxes.prepare(ctx),
    async removeAll(ctx) {
      const filters = labelFilters(options.cluster)
      const found = await engine.call(ctx, (docker, abortSignal) =>
        docker.listContainers({ all: true, filters, abortSignal }),
      )
      await Promise.all(found.map((container) => containers.remove(ctx, container.Id)))
      await network.remove(ctx)
    },
    close: () => forwarder.close(),
  }
}

interface Parts {
  engine: Engine
  sandboxes: Sandboxes
  containers: Containers
  stats: Stats
  forwarder: PortForwarder
}

class DockerRuntimeService implements RuntimeService {
  readonly #parts: Parts
  /** Whether a container has a terminal never changes; kept while it is asked for. */
  readonly #terminals = new Map<string, boolean>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async version(ctx: Ctx) {
    const { engine } = this.#parts
    const [version, info] = await Promise.all([
      engine.call(ctx, (docker) => docker.version()),
      engine.call(ctx, (docker) => docker.info()),
    ])
    return {
      runtimeName: 'docker',
      runtimeVersion: version.Version,
      os: version.Os,
      architecture: version.Arch,
      cgroupDriver: String(info.CgroupDriver),
      kernelVersion: version.KernelVersion ?? '',
      osImage: String(info.OperatingSystem),
    }
  }

  runPodSandbox(ctx: Ctx, config: PodSandboxConfig, onCreated?: (sandbox: PodSandbox) => void) {
    return this.#parts.sandboxes.run(ctx, config, onCreated)
  }
  async stopPodSandbox(ctx: Ctx, sandboxId: string) {
    const { containers, sandboxes } = this.#parts
    const inside = await containers.inSandbox(ctx, sandboxId, 'running')
    await Promise.all(inside.map((id) => containers.stop(ctx, id, 0)))
    await sandboxes.stop(ctx, sandboxId)
  }
  async removePodSandbox(ctx: Ctx, sandboxId: string) {
    const { containers, sandboxes } = this.#parts
    const inside = await containers.inSandbox(ctx, sandboxId)
    await Promise.all(inside.map((id) => this.removeContainer(ctx, id)))
    await sandboxes.remove(ctx, sandboxId)
  }
  listPodSandboxes(ctx: Ctx) {
    return this.#parts.sandboxes.list(ctx)
  }

  createContainer(ctx: Ctx, sandbox: PodSandbox, config: ContainerConfig) {
    return this.#parts.containers.create(ctx, sandbox, config)
  }
  startContainer(ctx: Ctx, containerId: string) {
    return this.#parts.containers.start(ctx, containerId)
  }
  stopContainer(ctx: Ctx, containerId: string, graceMs: number) {
    return this.#parts.containers.stop(ctx, containerId, graceMs)
  }
  async removeContainer(ctx: Ctx, containerId: string) {
    await this.#parts.containers.remove(ctx, containerId)
    this.#parts.stats.forget(containerId)
    this.#terminals.delete(containerId)
  }
  listContainers(ctx: Ctx) {
    return this.#parts.containers.list(ctx)
  }
  containerStatus(ctx: Ctx, containerId: string) {
    return this.#parts.containers.status(ctx, containerId)
  }
  updateContainerResources(ctx: Ctx, containerId: string, resources: LinuxResources) {
    return this.#parts.containers.update(ctx, containerId, resources)
  }

  execSync(
    ctx: Ctx,
    containerId: string,
    command: readonly string[],
    options: { timeoutMs: number; maxOutputBytes: number },
  ) {
    return execSync(this.#parts.engine, ctx, containerId, command, options)
  }
  exec(ctx: Ctx, containerId: string, command: readonly string[], tty: boolean, io: ProcessIO) {
    return exec(this.#parts.engine, ctx, containerId, command, tty, io)
  }
  attach(ctx: Ctx, containerId: string, tty: boolean, io: ProcessIO) {
    return attach(this.#parts.engine, ctx, containerId, tty, io)
  }

  async portForward(ctx: Ctx, sandboxId: string, port: number): Promise<Duplex> {
    const { containers, forwarder } = this.#parts
    const info = await containers.inspect(ctx, sandboxId)
    if (!info.State.Running) throw new RuntimeError('NotFound', `sandbox ${sandboxId} does not run`)
    const facts = await this.#parts.sandboxes.facts(ctx, sandboxId)
    return forwarder.connect(ctx.signal, info.State.Pid, facts.address, port)
  }

  async *logs(ctx: Ctx, containerId: string, options: LogOptions): AsyncGenerator<LogLine> {
    let tty = this.#terminals.get(containerId)
    if (tty === undefined) {
      tty = (await this.#parts.containers.inspect(ctx, containerId)).Config.Tty
      this.#terminals.set(containerId, tty)
    }
    yield* logs(this.#parts.engine, ctx, containerId, tty, options)
  }

  stats(ctx: Ctx, containerId: string) {
    return this.#parts.stats.of(ctx, containerId)
  }

  async *events(ctx: Ctx, onConnected: () => void): AsyncGenerator<RuntimeEvent> {
    const { engine, containers, stats } = this.#parts
    for await (const event of events(engine, ctx, onConnected)) {
      containers.forget(event.containerId)
      if (event.type === 'ContainerDeleted') {
        stats.forget(event.containerId)
        this.#terminals.delete(event.containerId)
      }
      yield event
    }
  }
}
