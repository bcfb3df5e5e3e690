// Pod sandboxes: one container of the pause program per pod, which holds the namespaces that the pod's containers join.
import { access } from 'node:fs/promises'
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import { delay } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import { type PodSandbox, type PodSandboxConfig, RuntimeError } from '../cri/runtime.ts'
import type { Docker } from './dockerode.ts'
import { type Engine, isOomScoreRefused, isRuntimeError, removeContainer } from './engine.ts'
import { labelFilters, type SandboxFacts, sandboxFacts, sandboxLabels, sandboxName, splitLabels } from './labels.ts'
import type { PodNetwork } from './network.ts'
import { ensurePauseImage, PAUSE_IMAGE } from './pause-image.ts'

/** k8s: a sandbox is the last thing of its pod that the kernel should kill. */
const SANDBOX_OOM_SCORE = -998

type Attachment = 'host' | 'entered' | 'engine'

/** Where the namespace file is bound in the sandbox's container. */
const ENTER_PATH = '/netns'
/** The program enters within microseconds of its start; this is for an engine under heavy load. */
const ENTER_WITHIN_MS = 5_000

export class Sandboxes {
  readonly #engine: Engine
  readonly #network: PodNetwork
  readonly #facts = new Map<string, SandboxFacts>()
  /** Of sandboxes that were created and not started: their network namespace in the making. */
  readonly #namespaces = new Map<string, Promise<void>>()
  #imageReady: Promise<void> | undefined
  #adopted: Promise<void> | undefined
  /** Whether a negative oom_score_adj can be set here. Learnt from the first sandbox, or from those that run already. */
  #oomScore: 'unknown' | 'allowed' | 'refused' = 'unknown'

  constructor(engine: Engine, network: PodNetwork) {
    this.#engine = engine
    this.#network = network
  }

  get refusesNegativeOomScore(): boolean {
    return this.#oomScore === 'refused'
  }
  refuseNegativeOomScore(): void {
    if (this.#oomScore !== 'refused')
      this.#engine.log.warn('the kernel refuses negative oom_score_adj here: containers run with 0 instead')
    this.#oomScore = 'refused'
  }

  /** What the first sandbox would otherwise wait for. */
  async prepare(ctx: Ctx): Promise<void> {
    await this.#ready(ctx)
  }
  async #ready(ctx: Ctx): Promise<void> {
    await Promise.all([this.#network.ensure(ctx), this.#image(ctx), this.#adopt(ctx)])
  }

  async run(ctx: Ctx, config: PodSandboxConfig, onCreated?: (sandbox: PodSandbox) => void): Promise<PodSandbox> {
    await this.#ready(ctx)
    let attachment = attachmentOf(config, this.#network.entering !== 'impossible')
    const address = attachment === 'host' ? '' : this.#network.addresses.allocate()
    // While it is unknown whether a sandbox can start as it is, nobody may build on it.
    const early = this.#oomScore !== 'unknown' && !(attachment === 'entered' && this.#network.entering !== 'proven')
    for (;;) {
      const sandbox = await this.#create(ctx, config, attachment, address).catch((err) => {
        this.#network.addresses.release(address)
        throw err
      })
      if (early) onCreated?.({ ...sandbox })
      try {
        await this.#start(ctx, sandbox.id)
      } catch (err) {
        const other = early ? undefined : this.#otherWay(err, attachment, this.#facts.get(sandbox.id))
        if (!other || ctx.signal.aborted) throw err
        attachment = other
        await this.#discard(ctx, sandbox.id)
        continue
      }
      if (this.#oomScore === 'unknown') this.#oomScore = 'allowed'
      if (attachment === 'entered') this.#network.proveEntering()
      if (attachment === 'engine') await this.#network.reflect()
      if (!early) onCreated?.({ ...sandbox })
      return { ...sandbox, state: 'Ready', ips: address ? [address] : [] }
    }
  }

  /** What to try after one of the first sandboxes could not start, learning from it. Several may be under way before any was refused. */
  #otherWay(err: unknown, attachment: Attachment, tried: SandboxFacts | undefined): Attachment | undefined {
    if (isOomScoreRefused(err) && !tried?.noOomScore) {
      if (this.#oomScore === 'unknown') this.refuseNegativeOomScore()
      return attachment
    }
    if (attachment !== 'entered' || isRuntimeError(err, 'Unavailable')) return undefined
    this.#network.giveUpEntering(err)
    return 'engine'
  }

  async #create(ctx: Ctx, config: PodSandboxConfig, attachment: Attachment, address: string): Promise<PodSandbox> {
    const { metadata, linux } = config
    const { namespaces } = this.#network
    const namespaceFile = attachment === 'entered' ? namespaces.file(metadata.uid, metadata.attempt) : undefined
    const facts: SandboxFacts = {
      metadata,
      address,
      sharedPid: linux.shareProcessNamespace,
      cgroupParent: linux.cgroupParent,
      noOomScore: this.refusesNegativeOomScore,
      namespaceFile,
    }
    for (const { metadata: other } of this.#facts.values())
      if (other.uid === metadata.uid && other.attempt === metadata.attempt)
        throw new RuntimeError(
          'AlreadyExists',
          `pod ${metadata.name} has a sandbox of attempt ${metadata.attempt} already`,
        )
    const options = sandboxCreateOptions(this.#engine.cluster, config, facts, attachment, this.#network.config.name)
    const create = () =>
      this.#engine.call(ctx, (docker, abortSignal) => docker.createContainer({ ...options, abortSignal }))
    let namespace: Promise<void> | undefined
    try {
      if (namespaceFile) {
        const spec = this.#network.namespaceSpec(address, networkSysctls(linux.sysctls))
        namespace = (await namespaces.create(ctx, namespaceFile, spec)).ready
      }
      const container = await create().catch(async (err) => {
        if (!isRuntimeError(err, 'NotFound')) throw err
        // The image was removed under us.
        this.#imageReady = undefined
        await this.#image(ctx)
        return create()
      })
      this.#facts.set(container.id, facts)
      if (namespace) this.#namespaces.set(container.id, namespace)
      const { labels, annotations } = config
      const createdAtMs = this.#engine.clock.now()
      return { id: container.id, metadata, state: 'NotReady', createdAtMs, labels, annotations, ips: [] }
    } catch (err) {
      await namespace?.catch(() => undefined)
      if (namespaceFile) await namespaces.remove(namespaceFile)
      throw err
    }
  }

  async #start(ctx: Ctx, id: string): Promise<void> {
    try {
      await this.#namespaces.get(id)
      await this.#engine.call(ctx, (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }))
    } catch (err) {
      this.#network.forget() // it may have been removed under us
      throw err
    } finally {
      this.#namespaces.delete(id)
    }
    const file = this.#facts.get(id)?.namespaceFile
    if (file) await this.#entered(ctx, id, file)
  }

  /** Until then nothing may join it: it would find itself in the host's network. */
  async #entered(ctx: Ctx, id: string, file: string): Promise<void> {
    const inspect = (docker: Docker, abortSignal: AbortSignal) => docker.getContainer(id).inspect({ abortSignal })
    const { State: state } = await this.#engine.call(ctx, inspect)
    const deadlineMs = this.#engine.clock.now() + ENTER_WITHIN_MS
    while (state.Running && !(await this.#network.namespaces.hasEntered(file, state.Pid))) {
      if (this.#engine.clock.now() > deadlineMs || !(await isAlive(state.Pid))) break
      await delay(this.#engine.clock, 1, ctx.signal)
    }
    if (state.Running && (await this.#network.namespaces.hasEntered(file, state.Pid))) return
    await this.stop(ctx, id)
    throw new RuntimeError('Unknown', 'the sandbox could not enter its network namespace')
  }

  async stop(ctx: Ctx, id: string): Promise<void> {
    // It ends at once on SIGTERM; the second is for an engine under load.
    await this.#engine.callIdempotent(ctx, (docker, abortSignal) => docker.getContainer(id).stop({ t: 1, abortSignal }))
    await this.#removeNamespace(id)
  }

  async #removeNamespace(id: string): Promise<void> {
    const file = this.#facts.get(id)?.namespaceFile
    if (file) await this.#network.namespaces.remove(file)
  }

  async #discard(ctx: Ctx, id: string): Promise<void> {
    await removeContainer(this.#engine, ctx, id)
    await this.#removeNamespace(id)
    this.#facts.delete(id)
  }

  async remove(ctx: Ctx, id: string): Promise<void> {
    const address = this.#facts.get(id)?.address ?? ''
    await this.#discard(ctx, id)
    this.#network.addresses.release(address)
  }

  async #forget(id: string): Promise<void> {
    this.#network.addresses.release(this.#facts.get(id)?.address ?? '')
    await this.#removeNamespace(id)
    this.#facts.delete(id)
  }

  async list(ctx: Ctx): Promise<PodSandbox[]> {
    const before = [...this.#facts.keys()]
    const filters = labelFilters(this.#engine.cluster, 'sandbox')
    const found = await this.#engine.call(ctx, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    )
    // Those that somebody else has removed.
    const present = new Set(found.map((container) => container.Id))
    for (const id of before) if (!present.has(id)) await this.#forget(id)
    return found.map((container) => {
      const facts = sandboxFacts(container.Labels)
      const running = container.State === 'running'
      if (!this.#facts.has(container.Id)) {
        this.#facts.set(container.Id, facts)
        if (facts.address) this.#network.addresses.take(facts.address)
        if (facts.noOomScore) this.#oomScore = 'refused'
        else if (running && this.#oomScore === 'unknown') this.#oomScore = 'allowed'
      }
      return {
        id: container.Id,
        metadata: facts.metadata,
        state: running ? 'Ready' : 'NotReady',
        createdAtMs: container.Created * 1000,
        ...splitLabels(container.Labels),
        ips: running && facts.address ? [facts.address] : [],
      }
    })
  }

  /** What its containers must know. Found in the engine when this process did not make it. */
  async facts(ctx: Ctx, id: string): Promise<SandboxFacts> {
    if (!this.#facts.has(id)) await this.list(ctx)
    const facts = this.#facts.get(id)
    if (!facts) throw new RuntimeError('NotFound', `no such sandbox: ${id}`)
    return facts
  }

  /** Addresses in use must be known before the first new one is given. */
  #adopt(ctx: Ctx): Promise<void> {
    this.#adopted ??= this.#findAll(ctx).catch((err) => {
      this.#adopted = undefined
      throw err
    })
    return this.#adopted
  }

  async #findAll(ctx: Ctx): Promise<void> {
    await this.list(ctx)
    const files = [...this.#facts.values()].flatMap((facts) => facts.namespaceFile ?? [])
    await this.#network.namespaces.prune(new Set(files))
  }

  #image(ctx: Ctx): Promise<void> {
    this.#imageReady ??= ensurePauseImage(this.#engine, ctx).catch((err) => {
      this.#imageReady = undefined
      throw err
    })
    return this.#imageReady
  }
}

export function sandboxCreateOptions(
  cluster: string,
  config: PodSandboxConfig,
  facts: SandboxFacts,
  attachment: Attachment,
  network: string,
): ContainerCreateOptions & { name: string } {
  const { linux, dnsConfig } = config
  const host: HostConfig = {
    // An entered one is in the host's network for the few microseconds until it has entered its own.
    NetworkMode: attachment === 'engine' ? network : 'host',
    IpcMode: linux.hostIPC ? 'host' : 'shareable',
    LogConfig: { Type: 'none', Config: {} },
    RestartPolicy: { Name: 'no' },
    Init: false,
    ReadonlyRootfs: true,
    OomScoreAdj: facts.noOomScore ? 0 : SANDBOX_OOM_SCORE,
    CpuShares: 2,
    // Nothing but our own program ever runs in it, and that gives up what it has: compiling a filter for it would cost 20 ms.
    SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    CapDrop: ['ALL'],
    ...(linux.hostPID ? { PidMode: 'host' } : {}),
    ...(linux.hostNetwork ? { UTSMode: 'host' } : {}),
    ...(linux.cgroupParent ? { CgroupParent: linux.cgroupParent } : {}),
    Sysctls: attachment === 'entered' ? otherSysctls(linux.sysctls) : { ...linux.sysctls },
    ...(dnsConfig
      ? {
          Dns: [...dnsConfig.servers],
          // "." is Docker's word for none; an empty list would mean the host's.
          DnsSearch: dnsConfig.searches.length > 0 ? [...dnsConfig.searches] : ['.'],
          DnsOptions: [...dnsConfig.options],
        }
      : {}),
  }
  const options: ContainerCreateOptions & { name: string } = {
    name: sandboxName(config.metadata),
    Image: PAUSE_IMAGE,
    Labels: sandboxLabels(cluster, facts, config.labels, config.annotations),
    HostConfig: host,
    ...(linux.hostNetwork ? {} : { Hostname: config.hostname }),
  }
  if (attachment === 'entered') {
    options.Cmd = [ENTER_PATH]
    host.CapAdd = ['SYS_ADMIN'] // for setns alone
    host.Binds = [`${facts.namespaceFile}:${ENTER_PATH}:ro`]
    // With any of these the engine writes a hosts file for the pod instead of copying the host's.
    host.ExtraHosts = [`${config.hostname}:${facts.address}`]
  }
  if (attachment === 'engine') {
    options.NetworkingConfig = { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: facts.address } } } }
    const published = config.portMappings.filter((mapping) => mapping.hostPort > 0)
    options.ExposedPorts = Object.fromEntries(published.map((m) => [portKey(m), {}]))
    const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
    for (const m of published) {
      bindings[portKey(m)] ??= []
      bindings[portKey(m)]!.push({ HostIp: m.hostIP, HostPort: String(m.hostPort) })
    }
    host.PortBindings = bindings
  }
  return options
}

function attachmentOf(config: PodSandboxConfig, canEnter: boolean): Attachment {
  if (config.linux.hostNetwork) return 'host'
  const publishes = config.portMappings.some((mapping) => mapping.hostPort > 0)
  return canEnter && !publishes ? 'entered' : 'engine'
}

const isOfNetwork = (name: string) => name.startsWith('net.')
const networkSysctls = (all: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => isOfNetwork(name)))
const otherSysctls = (all: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !isOfNetwork(name)))

const isAlive = (pid: number) =>
  access(`/proc/${pid}`).then(
    () => true,
    () => false,
  )

const portKey = (m: { containerPort: number; protocol: string }) => `${m.containerPort}/${m.protocol.toLowerCase()}`
