// Pod sandboxes: one container of the pause program per pod, which holds the namespaces that the pod's containers join.
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import type { Ctx } from '../../base/ctx.ts'
import { type PodSandbox, type PodSandboxConfig, RuntimeError } from '../cri/runtime.ts'
import type { Docker } from './dockerode.ts'
import { type Engine, isOomScoreRefused, isRuntimeError } from './engine.ts'
import { labelFilters, type SandboxFacts, sandboxFacts, sandboxLabels, sandboxName, splitLabels } from './labels.ts'
import type { PodNetwork } from './network.ts'
import { ensurePauseImage, PAUSE_IMAGE } from './pause-image.ts'

/** k8s: a sandbox is the last thing of its pod that the kernel should kill. */
const SANDBOX_OOM_SCORE = -998

type Attachment = 'host' | 'direct' | 'engine'

export class Sandboxes {
  readonly #engine: Engine
  readonly #network: PodNetwork
  readonly #facts = new Map<string, SandboxFacts>()
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
  async #ready(ctx: Ctx): Promise<boolean> {
    const [direct] = await Promise.all([this.#network.ensure(ctx), this.#image(ctx), this.#adopt(ctx)])
    return direct
  }

  async run(ctx: Ctx, config: PodSandboxConfig, onCreated?: (sandbox: PodSandbox) => void): Promise<PodSandbox> {
    const direct = await this.#ready(ctx)
    const { hostNetwork } = config.linux
    const needsEngine = config.portMappings.some((mapping) => mapping.hostPort > 0)
    const attachment: Attachment = hostNetwork ? 'host' : direct && !needsEngine ? 'direct' : 'engine'
    const address = hostNetwork ? '' : this.#network.addresses.allocate()
    let id: string
    try {
      id = await this.#create(ctx, config, attachment, address)
    } catch (err) {
      this.#network.addresses.release(address)
      throw err
    }
    const sandbox: PodSandbox = {
      id,
      metadata: config.metadata,
      state: 'NotReady',
      createdAtMs: this.#engine.clock.now(),
      labels: config.labels,
      annotations: config.annotations,
      ips: [],
    }
    // While it is unknown whether this one can start as it is, nobody may build on it.
    const early = this.#oomScore !== 'unknown'
    if (early) onCreated?.(sandbox)
    try {
      await this.#start(ctx, sandbox.id)
    } catch (err) {
      if (early || !isOomScoreRefused(err)) throw err
      this.refuseNegativeOomScore()
      await this.#discard(ctx, sandbox.id)
      sandbox.id = await this.#create(ctx, config, attachment, address)
      await this.#start(ctx, sandbox.id)
    }
    if (this.#oomScore === 'unknown') this.#oomScore = 'allowed'
    if (!early) onCreated?.({ ...sandbox })
    if (attachment === 'direct') await this.#attach(ctx, sandbox.id, address)
    return { ...sandbox, state: 'Ready', ips: address ? [address] : [] }
  }

  async #create(ctx: Ctx, config: PodSandboxConfig, attachment: Attachment, address: string): Promise<string> {
    const facts: SandboxFacts = {
      metadata: config.metadata,
      address,
      sharedPid: config.linux.shareProcessNamespace,
      cgroupParent: config.linux.cgroupParent,
      noOomScore: this.refusesNegativeOomScore,
    }
    const options = sandboxCreateOptions(this.#engine.cluster, config, facts, attachment, this.#network.config.name)
    const create = () =>
      this.#engine.call(ctx, (docker, abortSignal) => docker.createContainer({ ...options, abortSignal }))
    const container = await create().catch(async (err) => {
      if (!isRuntimeError(err, 'NotFound')) throw err
      // The image was removed under us.
      this.#imageReady = undefined
      await this.#image(ctx)
      return create()
    })
    this.#facts.set(container.id, facts)
    return container.id
  }

  async #start(ctx: Ctx, id: string): Promise<void> {
    try {
      await this.#engine.call(ctx, (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }))
    } catch (err) {
      this.#network.forget() // it may have been removed under us
      throw err
    }
  }

  async #attach(ctx: Ctx, id: string, address: string): Promise<void> {
    const inspect = (docker: Docker, abortSignal: AbortSignal) => docker.getContainer(id).inspect({ abortSignal })
    const { State } = await this.#engine.call(ctx, inspect)
    try {
      await this.#network.attach(ctx, id, State.Pid, address)
    } catch (err) {
      this.#network.forget()
      // A sandbox that runs without its network must not be taken for one that is ready.
      await this.stop(ctx, id)
      throw err
    }
  }

  async stop(ctx: Ctx, id: string): Promise<void> {
    // It ends at once on SIGTERM; the second is for an engine under load.
    await this.#engine.callIdempotent(ctx, (docker, abortSignal) => docker.getContainer(id).stop({ t: 1, abortSignal }))
  }

  #discard(ctx: Ctx, id: string): Promise<void> {
    return this.#engine.callIdempotent(ctx, (docker, abortSignal) =>
      docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
    )
  }

  async remove(ctx: Ctx, id: string): Promise<void> {
    await this.#discard(ctx, id)
    this.#network.addresses.release(this.#facts.get(id)?.address ?? '')
    this.#facts.delete(id)
  }

  async list(ctx: Ctx): Promise<PodSandbox[]> {
    const filters = labelFilters(this.#engine.cluster, 'sandbox')
    const found = await this.#engine.call(ctx, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    )
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
    this.#adopted ??= this.list(ctx).then(
      () => undefined,
      (err) => {
        this.#adopted = undefined
        throw err
      },
    )
    return this.#adopted
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
    NetworkMode: attachment === 'host' ? 'host' : attachment === 'direct' ? 'none' : network,
    IpcMode: linux.hostIPC ? 'host' : 'shareable',
    LogConfig: { Type: 'none', Config: {} },
    RestartPolicy: { Name: 'no' },
    Init: false,
    ReadonlyRootfs: true,
    OomScoreAdj: facts.noOomScore ? 0 : SANDBOX_OOM_SCORE,
    CpuShares: 2,
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    ...(linux.hostPID ? { PidMode: 'host' } : {}),
    ...(linux.hostNetwork ? { UTSMode: 'host' } : {}),
    ...(linux.cgroupParent ? { CgroupParent: linux.cgroupParent } : {}),
    ...(Object.keys(linux.sysctls).length > 0 ? { Sysctls: { ...linux.sysctls } } : {}),
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

const portKey = (m: { containerPort: number; protocol: string }) => `${m.containerPort}/${m.protocol.toLowerCase()}`
