// The runtime in memory: RuntimeService (and ImageService as `images`) on a Clock, for tests and stories. Containers run the little shell of
// fake-shell.ts or programs that the test registers; pulls, starts and the whole engine can be made to fail. It passes runtime-suite.ts.
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import { aborted, bytes, Channel, duplexPair, nothing } from './fake-channel.ts'
import { FakeContainer } from './fake-container.ts'
import { FakeImages, hex } from './fake-images.ts'
import { type FakeProgram, isExecutable, runProcess, type ShellEnv } from './fake-shell.ts'
import {
  type ContainerConfig,
  type LinuxResources,
  type LogLine,
  type LogOptions,
  type PodSandbox,
  type PodSandboxConfig,
  type ProcessIO,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeService,
} from './runtime.ts'

export type { FakeProgram } from './fake-shell.ts'

export interface FakeRuntimeOptions {
  clock: Clock
  /** Present from the start, as `busybox:latest`. */
  images?: readonly string[]
  /** The first three bytes of pod addresses: `10.244.0`. */
  network?: string
  /** What a pull takes on the clock. */
  pullMs?: number
}

interface FakeSandbox {
  sandbox: PodSandbox
  config: PodSandboxConfig
}

export class FakeRuntime implements RuntimeService {
  readonly #clock: Clock
  readonly #network: string
  readonly images: FakeImages
  readonly #sandboxes = new Map<string, FakeSandbox>()
  readonly #containers = new Map<string, FakeContainer>()
  readonly #startFailures = new Map<string, string>()
  readonly #programs = new Map<string, FakeProgram>()
  readonly #listeners = new Set<Channel<RuntimeEvent>>()
  readonly #ports = new Map<string, (connection: Duplex) => void>()
  #sequence = 0
  #away = false
  /** Every mutating call, in order: `startContainer web_0`. For tests that say what must not happen. */
  readonly calls: string[] = []

  constructor(options: FakeRuntimeOptions) {
    this.#clock = options.clock
    this.#network = options.network ?? '10.244.0'
    const enter = (ctx: Ctx, call?: string) => this.#enter(ctx, call)
    this.images = new FakeImages(options.clock, enter, options.pullMs ?? 0, options.images ?? [])
  }

  // --- scripting -----------------------------------------------------------------------------------------------------------------

  /** Starting any container of this name fails; undefined: works again. */
  failStart(containerName: string, message: string | undefined): void {
    if (message === undefined) this.#startFailures.delete(containerName)
    else this.#startFailures.set(containerName, message)
  }
  /** What the command `name` does, in containers and in exec. */
  program(name: string, program: FakeProgram): void {
    this.#programs.set(name, program)
  }
  /** What listens on a pod's port, for portForward. */
  listen(sandboxId: string, port: number, onConnection: (connection: Duplex) => void): void {
    this.#ports.set(`${sandboxId}:${port}`, onConnection)
  }
  /** The process of this container ends now. `reason` OOMKilled marks it as the kernel's doing. */
  crash(containerId: string, exitCode: number, reason?: string): void {
    const container = this.#need(containerId)
    if (container.status.state === 'Running') this.#end(container, exitCode, reason)
  }
  /** The engine is gone: every call and every event stream fails with Unavailable until `recover`. Containers run on. */
  outage(): void {
    this.#away = true
    for (const listener of this.#listeners) listener.fail(unavailable())
    this.#listeners.clear()
  }
  recover(): void {
    this.#away = false
  }

  // --- sandboxes -----------------------------------------------------------------------------------------------------------------

  async version(ctx: Ctx) {
    this.#enter(ctx)
    return {
      runtimeName: 'fake',
      runtimeVersion: '1.0.0',
      os: 'linux',
      architecture: 'amd64',
      cgroupDriver: 'cgroupfs',
      kernelVersion: '6.1.0',
      osImage: 'Fake Linux',
    }
  }

  async runPodSandbox(ctx: Ctx, config: PodSandboxConfig, onCreated?: (sandbox: PodSandbox) => void) {
    const { metadata } = config
    this.#enter(ctx, `runPodSandbox ${metadata.namespace}/${metadata.name}`)
    const id = this.#newId()
    const sandbox: PodSandbox = {
      id,
      metadata,
      state: 'NotReady',
      createdAtMs: this.#clock.now(),
      labels: config.labels,
      annotations: config.annotations,
      ips: [],
    }
    for (const other of this.#sandboxes.values()) {
      const m = other.sandbox.metadata
      if (m.uid === metadata.uid && m.attempt === metadata.attempt)
        throw new RuntimeError('AlreadyExists', `sandbox ${metadata.name} attempt ${metadata.attempt} exists`)
    }
    const entry = { sandbox, config }
    this.#sandboxes.set(id, entry)
    onCreated?.(sandbox)
    const ips = config.linux.hostNetwork ? [] : [`${this.#network}.${2 + (this.#sequence % 250)}`]
    entry.sandbox = { ...sandbox, state: 'Ready', ips }
    this.#emit('SandboxStarted', metadata.uid, id)
    return entry.sandbox
  }

  async stopPodSandbox(ctx: Ctx, sandboxId: string) {
    this.#enter(ctx, `stopPodSandbox ${this.#sandboxes.get(sandboxId)?.sandbox.metadata.name ?? sandboxId}`)
    for (const container of this.#inSandbox(sandboxId))
      if (container.status.state === 'Running') this.#end(container, 137)
    const entry = this.#sandboxes.get(sandboxId)
    if (entry?.sandbox.state !== 'Ready') return
    entry.sandbox = { ...entry.sandbox, state: 'NotReady', ips: [] }
    this.#emit('SandboxStopped', entry.sandbox.metadata.uid, sandboxId)
  }

  async removePodSandbox(ctx: Ctx, sandboxId: string) {
    await this.stopPodSandbox(ctx, sandboxId)
    for (const container of this.#inSandbox(sandboxId)) await this.removeContainer(ctx, container.status.id)
    const entry = this.#sandboxes.get(sandboxId)
    if (!entry) return
    this.#sandboxes.delete(sandboxId)
    this.#emit('SandboxDeleted', entry.sandbox.metadata.uid, sandboxId)
  }

  async listPodSandboxes(ctx: Ctx) {
    this.#enter(ctx)
    return [...this.#sandboxes.values()].map((entry) => entry.sandbox)
  }

  // --- containers ----------------------------------------------------------------------------------------------------------------

  async createContainer(ctx: Ctx, sandbox: PodSandbox, config: ContainerConfig) {
    this.#enter(ctx, `createContainer ${config.metadata.name}_${config.metadata.attempt}`)
    if (!this.#sandboxes.has(sandbox.id)) throw new RuntimeError('NotFound', `no such sandbox: ${sandbox.id}`)
    const image = this.images.find(config.imageId)
    if (!image) throw new RuntimeError('NotFound', `No such image: ${config.imageId}`)
    // By the pod, whatever sandbox they are in: real engines know containers by their names.
    for (const other of this.#containers.values()) {
      const m = other.status.metadata
      const samePod = this.#podUid(other) === sandbox.metadata.uid
      if (samePod && m.name === config.metadata.name && m.attempt === config.metadata.attempt)
        throw new RuntimeError('AlreadyExists', `container ${m.name} attempt ${m.attempt} exists`)
    }
    const id = this.#newId()
    const container = new FakeContainer(this.#clock, config, {
      id,
      podSandboxId: sandbox.id,
      metadata: config.metadata,
      state: 'Created',
      createdAtMs: this.#clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      signal: 0,
      reason: '',
      message: '',
      image: image.tags[0] ?? image.id,
      imageId: image.id,
      imageRef: `docker-pullable://${image.digests[0]}`,
      labels: config.labels,
      annotations: config.annotations,
    })
    this.#containers.set(id, container)
    return id
  }

  async startContainer(ctx: Ctx, containerId: string) {
    const container = this.#need(containerId, ctx)
    const { name, attempt } = container.config.metadata
    this.calls.push(`startContainer ${name}_${attempt}`)
    if (container.status.state !== 'Created') return
    if (this.#sandboxes.get(container.status.podSandboxId)?.sandbox.state !== 'Ready')
      throw new RuntimeError('Unknown', 'cannot join network of a non running container')
    const command = [...(container.config.command ?? []), ...(container.config.args ?? [])]
    const failure =
      this.#startFailures.get(name) ??
      (command.length > 0 && !isExecutable(command, this.#programs)
        ? `exec: ${JSON.stringify(command[0])}: executable file not found in $PATH`
        : undefined)
    const now = this.#clock.now()
    if (failure !== undefined) {
      container.status = {
        ...container.status,
        state: 'Exited',
        finishedAtMs: now,
        exitCode: 127,
        reason: 'ContainerCannotRun',
        message: failure,
      }
      throw new RuntimeError('InvalidArgument', failure)
    }
    container.status = { ...container.status, state: 'Running', startedAtMs: now }
    if (!container.config.stdin) container.stdin.end()
    this.#emit('ContainerStarted', this.#podUid(container), containerId)
    // Without a command: a server that runs until it is told to stop.
    const run =
      command.length === 0
        ? serveUntil(container.terminate.signal, container.kill.signal)
        : runProcess(command, this.#shellEnv(container, container.kill.signal, container.terminate.signal), {
            stdin: container.stdin,
            stdout: (text) => container.output('stdout', text),
            stderr: (text) => container.output('stderr', text),
          })
    void run.then(
      (code) => this.#end(container, code),
      () => this.#end(container, 137),
    )
  }

  async stopContainer(ctx: Ctx, containerId: string, graceMs: number) {
    this.#enter(ctx)
    const container = this.#containers.get(containerId)
    if (!container) return
    this.calls.push(`stopContainer ${container.config.metadata.name}_${container.config.metadata.attempt} ${graceMs}`)
    if (container.status.state !== 'Running') return
    if (graceMs > 0) container.terminate.abort()
    const deadline = this.#clock.after(graceMs, () => this.#end(container, 137))
    try {
      await Promise.race([container.ended.promise, aborted(ctx.signal)])
    } finally {
      deadline.cancel()
    }
  }

  async removeContainer(ctx: Ctx, containerId: string) {
    this.#enter(ctx)
    const container = this.#containers.get(containerId)
    if (!container) return
    this.calls.push(`removeContainer ${container.config.metadata.name}_${container.config.metadata.attempt}`)
    if (container.status.state === 'Running') this.#end(container, 137)
    this.#containers.delete(containerId)
    this.#emit('ContainerDeleted', this.#podUid(container), containerId)
  }

  async listContainers(ctx: Ctx) {
    this.#enter(ctx)
    return [...this.#containers.values()].map((container) => container.status)
  }

  async containerStatus(ctx: Ctx, containerId: string) {
    return this.#need(containerId, ctx).status
  }

  async updateContainerResources(ctx: Ctx, containerId: string, resources: LinuxResources) {
    const container = this.#need(containerId, ctx)
    this.calls.push(`updateContainerResources ${container.config.metadata.name}`)
    container.resources = { ...container.resources, ...resources }
  }

  // --- processes -----------------------------------------------------------------------------------------------------------------

  async execSync(
    ctx: Ctx,
    containerId: string,
    command: readonly string[],
    options: { timeoutMs: number; maxOutputBytes: number },
  ) {
    const timeout = new AbortController()
    const timer = this.#clock.after(options.timeoutMs, () => timeout.abort())
    const out: Uint8Array[] = []
    const err: Uint8Array[] = []
    let left = options.maxOutputBytes
    const keep = (chunks: Uint8Array[]) => (chunk: Uint8Array) => {
      chunks.push(chunk.subarray(0, left))
      left -= Math.min(left, chunk.length)
    }
    try {
      const exitCode = await this.#exec(
        ctx,
        containerId,
        command,
        { stdout: keep(out), stderr: keep(err) },
        timeout.signal,
      )
      const timedOut = timeout.signal.aborted
      return {
        exitCode: timedOut ? 124 : exitCode,
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err),
        timedOut,
      }
    } finally {
      timer.cancel()
    }
  }

  async exec(ctx: Ctx, containerId: string, command: readonly string[], _tty: boolean, io: ProcessIO) {
    return this.#exec(ctx, containerId, command, io, ctx.signal)
  }

  async #exec(ctx: Ctx, containerId: string, command: readonly string[], io: ProcessIO, signal: AbortSignal) {
    const container = this.#need(containerId, ctx)
    if (container.status.state !== 'Running')
      throw new RuntimeError('Unknown', `container ${containerId} is not running`)
    if (!isExecutable(command, this.#programs))
      throw new RuntimeError(
        'InvalidArgument',
        `exec: ${JSON.stringify(command[0])}: executable file not found in $PATH`,
      )
    const killed = AbortSignal.any([container.kill.signal, signal])
    const run = runProcess(command, this.#shellEnv(container, killed, new AbortController().signal), {
      stdin: io.stdin ?? nothing(),
      stdout: (text) => io.stdout?.(bytes(text)),
      stderr: (text) => io.stderr?.(bytes(text)),
    }).catch(() => 137)
    return Promise.race([run, aborted(killed).catch(() => 137)])
  }

  async attach(ctx: Ctx, containerId: string, _tty: boolean, io: ProcessIO) {
    const container = this.#need(containerId, ctx)
    if (container.status.state !== 'Running')
      throw new RuntimeError('Unknown', `container ${containerId} is not running`)
    await container.attach(io, ctx.signal)
  }

  async portForward(ctx: Ctx, sandboxId: string, port: number): Promise<Duplex> {
    this.#enter(ctx)
    const onConnection = this.#ports.get(`${sandboxId}:${port}`)
    if (!onConnection) throw new RuntimeError('Unknown', `dial tcp4 127.0.0.1:${port}: connect: connection refused`)
    const [near, far] = duplexPair()
    onConnection(far)
    return near
  }

  async *logs(ctx: Ctx, containerId: string, options: LogOptions): AsyncGenerator<LogLine> {
    yield* this.#need(containerId, ctx).logs(options, ctx.signal)
  }

  async stats(ctx: Ctx, containerId: string) {
    const { status } = this.#need(containerId, ctx)
    const running = status.state === 'Running'
    return {
      containerId,
      timestampMs: this.#clock.now(),
      cpuUsageNanoseconds: running ? (this.#clock.now() - status.startedAtMs) * 1000 : 0,
      memoryUsageBytes: running ? 1 << 20 : 0,
      memoryWorkingSetBytes: running ? 1 << 19 : 0,
      writableLayerBytes: 0,
    }
  }

  events(ctx: Ctx, onConnected: () => void): AsyncIterable<RuntimeEvent> {
    this.#enter(ctx)
    const channel = new Channel<RuntimeEvent>()
    this.#listeners.add(channel)
    const onAbort = () => {
      this.#listeners.delete(channel)
      channel.end()
    }
    ctx.signal.addEventListener('abort', onAbort, { once: true })
    onConnected()
    return channel
  }

  // --- inside --------------------------------------------------------------------------------------------------------------------

  #enter(ctx: Ctx, call?: string): void {
    ctx.signal.throwIfAborted()
    if (this.#away) throw unavailable()
    if (call) this.calls.push(call)
  }
  #need(containerId: string, ctx?: Ctx): FakeContainer {
    if (ctx) this.#enter(ctx)
    const container = this.#containers.get(containerId)
    if (!container) throw new RuntimeError('NotFound', `No such container: ${containerId}`)
    return container
  }
  #inSandbox(sandboxId: string): FakeContainer[] {
    return [...this.#containers.values()].filter((c) => c.status.podSandboxId === sandboxId)
  }
  #podUid(container: FakeContainer): string {
    return this.#sandboxes.get(container.status.podSandboxId)?.sandbox.metadata.uid ?? ''
  }
  #newId(): string {
    return hex(`container ${++this.#sequence}`)
  }
  #emit(type: RuntimeEvent['type'], podUid: string, containerId: string): void {
    for (const listener of this.#listeners) listener.push({ type, podUid, containerId })
  }
  #shellEnv(container: FakeContainer, killed: AbortSignal, terminated: AbortSignal): ShellEnv {
    const sandbox = this.#sandboxes.get(container.status.podSandboxId)
    return {
      clock: this.#clock,
      env: Object.fromEntries(container.config.envs.map((e) => [e.key, e.value])),
      hostname: sandbox?.config.hostname ?? '',
      programs: this.#programs,
      killed,
      terminated,
    }
  }
  #end(container: FakeContainer, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): void {
    if (container.status.state !== 'Running') return
    container.end(exitCode, reason)
    this.#emit('ContainerStopped', this.#podUid(container), container.status.id)
  }
}

const unavailable = () =>
  new RuntimeError('Unavailable', 'Cannot connect to the Docker daemon. Is the docker daemon running?')

async function serveUntil(terminated: AbortSignal, killed: AbortSignal): Promise<number> {
  await Promise.race([aborted(terminated).catch(() => undefined), aborted(killed)])
  return 0
}
