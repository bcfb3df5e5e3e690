// The containers of pods: created in their sandbox's namespaces, started, stopped, removed and described.
import { readFile } from 'node:fs/promises'
import type { ContainerCreateOptions, ContainerInspectInfo, HostConfig } from 'dockerode'
import type { Ctx } from '../../base/ctx.ts'
import {
  type ContainerConfig,
  type ContainerStatus,
  type LinuxResources,
  type LinuxSecurityContext,
  type PodSandbox,
  RuntimeError,
} from '../cri/runtime.ts'
import type { Docker } from './dockerode.ts'
import { type Engine, isOomScoreRefused, isRuntimeError, removeContainer, statusCodeOf } from './engine.ts'
import type { Images } from './images.ts'
import { containerLabels, containerName, labelFilters, type SandboxFacts, sandboxFilters } from './labels.ts'
import type { Sandboxes } from './sandbox.ts'
import { containerStatusOf } from './status.ts'

/** k8s: what the kubelet keeps of a container's log, 5 files of 10 MiB. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } }

export class Containers {
  readonly #engine: Engine
  readonly #sandboxes: Sandboxes
  readonly #images: Images
  /** What was last read of each, and in which state the list had it then. While that state lasts nothing of it changes. */
  readonly #known = new Map<string, { state: string; status: ContainerStatus }>()

  constructor(engine: Engine, sandboxes: Sandboxes, images: Images) {
    this.#engine = engine
    this.#sandboxes = sandboxes
    this.#images = images
  }

  async create(ctx: Ctx, sandbox: PodSandbox, config: ContainerConfig): Promise<string> {
    const facts = await this.#sandboxes.facts(ctx, sandbox.id)
    const options = containerCreateOptions(this.#engine.cluster, sandbox.id, facts, config, {
      allowNegativeOomScore: !this.#sandboxes.refusesNegativeOomScore,
      seccompProfile: await seccompProfile(config.security.seccomp),
    })
    const create = (docker: Docker, abortSignal: AbortSignal) => docker.createContainer({ ...options, abortSignal })
    return (await this.#engine.call(ctx, create)).id
  }

  async start(ctx: Ctx, id: string): Promise<void> {
    try {
      await this.#engine.call(ctx, (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }))
    } catch (err) {
      if (statusCodeOf(err) === 304) return // it runs already
      if (isOomScoreRefused(err)) this.#sandboxes.refuseNegativeOomScore()
      throw err
    }
  }

  async stop(ctx: Ctx, id: string, graceMs: number): Promise<void> {
    await this.#engine.callIdempotent(ctx, async (docker, abortSignal) => {
      const container = docker.getContainer(id)
      if (graceMs > 0) return container.stop({ t: Math.ceil(graceMs / 1000), abortSignal })
      // `stop` with no time left still sends the stop signal first; killing and waiting is what is asked for.
      const ended = container.wait({ condition: 'not-running', abortSignal })
      const killed = container.kill({ signal: 'SIGKILL', abortSignal }).catch((err) => {
        if (statusCodeOf(err) !== 409) throw err // it does not run
      })
      await Promise.all([killed, ended])
    })
  }

  async remove(ctx: Ctx, id: string): Promise<void> {
    await removeContainer(this.#engine, ctx, id)
    this.#known.delete(id)
  }

  async inspect(ctx: Ctx, id: string): Promise<ContainerInspectInfo> {
    return this.#engine.call(ctx, (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal }))
  }

  async status(ctx: Ctx, id: string): Promise<ContainerStatus> {
    const info = await this.inspect(ctx, id)
    const status = containerStatusOf(info, await this.#images.byId(ctx, info.Image))
    this.#known.set(id, { state: info.State.Status, status })
    return status
  }

  /** Something happened to it: what is known of it may be old. */
  forget(id: string): void {
    this.#known.delete(id)
  }

  /** One request, and one more for each container that has changed since the last time. */
  async list(ctx: Ctx): Promise<ContainerStatus[]> {
    const filters = labelFilters(this.#engine.cluster, 'container')
    const found = await this.#engine.call(ctx, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    )
    const present = new Set(found.map((container) => container.Id))
    for (const id of this.#known.keys()) if (!present.has(id)) this.#known.delete(id)
    const statuses = await Promise.all(
      found.map(async (container) => {
        const known = this.#known.get(container.Id)
        if (known?.state === container.State) return known.status
        return this.status(ctx, container.Id).catch((err) => {
          if (isRuntimeError(err, 'NotFound')) return undefined // removed in between
          throw err
        })
      }),
    )
    return statuses.filter((status) => status !== undefined)
  }

  async inSandbox(ctx: Ctx, sandboxId: string, state?: 'running'): Promise<string[]> {
    const filters = { ...sandboxFilters(this.#engine.cluster, sandboxId), ...(state ? { status: [state] } : {}) }
    const found = await this.#engine.call(ctx, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    )
    return found.map((container) => container.Id)
  }

  async update(ctx: Ctx, id: string, resources: LinuxResources): Promise<void> {
    const options = resourceOptions(resources)
    await this.#engine.call(ctx, (docker, abortSignal) => docker.getContainer(id).update({ ...options, abortSignal }))
  }
}

export function containerCreateOptions(
  cluster: string,
  sandboxId: string,
  facts: SandboxFacts,
  config: ContainerConfig,
  host: { allowNegativeOomScore: boolean; seccompProfile: string | undefined },
): ContainerCreateOptions & { name: string } {
  const { security, resources } = config
  const joined = `container:${sandboxId}`
  const oomScore = resources.oomScoreAdj ?? 0
  const hostConfig: HostConfig = {
    NetworkMode: joined,
    IpcMode: joined,
    PidMode: pidMode(security, facts.sharedPid, joined),
    LogConfig: LOG_CONFIG,
    RestartPolicy: { Name: 'no' },
    Init: false,
    ...(security.hostNetwork ? { UTSMode: 'host' } : {}),
    ...(facts.cgroupParent ? { CgroupParent: facts.cgroupParent } : {}),
    Mounts: config.mounts.map((mount) => ({
      Type: 'bind',
      Source: mount.hostPath,
      Target: mount.containerPath,
      ReadOnly: mount.readonly,
      BindOptions: { Propagation: PROPAGATION[mount.propagation] },
    })),
    Devices: config.devices.map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    Privileged: security.privileged,
    ReadonlyRootfs: security.readonlyRootfs,
    CapAdd: [...security.addCapabilities],
    CapDrop: [...security.dropCapabilities],
    GroupAdd: security.supplementalGroups.map(String),
    SecurityOpt: securityOptions(security, host.seccompProfile),
    OomScoreAdj: host.allowNegativeOomScore ? oomScore : Math.max(oomScore, 0),
    ...resourceOptions(resources),
  }
  return {
    name: containerName(config.metadata, facts.metadata),
    Image: config.imageId,
    ...(config.command ? { Entrypoint: [...config.command] } : {}),
    ...(config.args ? { Cmd: [...config.args] } : {}),
    ...(config.workingDir ? { WorkingDir: config.workingDir } : {}),
    Env: config.envs.map(({ key, value }) => `${key}=${value}`),
    ...(userOf(security) ? { User: userOf(security) } : {}),
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    // k8s: probes are the pod's; an image's own HEALTHCHECK is not run.
    Healthcheck: { Test: ['NONE'] },
    Labels: containerLabels(cluster, facts.metadata, sandboxId, config.metadata, config.labels, config.annotations),
    HostConfig: hostConfig,
  }
}

/** k8s: a target wins over what the pod shares. */
function pidMode({ hostPID, targetId }: LinuxSecurityContext, sharedPid: boolean, joined: string): string {
  if (hostPID) return 'host'
  if (targetId) return `container:${targetId}`
  return sharedPid ? joined : ''
}

const PROPAGATION = { private: 'rprivate', hostToContainer: 'rslave', bidirectional: 'rshared' } as const

const userOf = ({ runAsUser, runAsGroup }: LinuxSecurityContext) =>
  runAsUser === undefined ? undefined : runAsGroup === undefined ? `${runAsUser}` : `${runAsUser}:${runAsGroup}`

/** Memory and swap are one limit: a pod's container gets no swap beyond its memory. */
function resourceOptions(resources: LinuxResources) {
  return {
    ...(resources.cpuShares === undefined ? {} : { CpuShares: resources.cpuShares }),
    ...(resources.cpuQuotaUs === undefined ? {} : { CpuQuota: resources.cpuQuotaUs }),
    ...(resources.cpuPeriodUs === undefined ? {} : { CpuPeriod: resources.cpuPeriodUs }),
    ...(resources.memoryLimitBytes === undefined
      ? {}
      : { Memory: resources.memoryLimitBytes, MemorySwap: resources.memoryLimitBytes }),
    ...(resources.pidsLimit === undefined ? {} : { PidsLimit: resources.pidsLimit }),
  }
}

function securityOptions(security: LinuxSecurityContext, seccompProfile: string | undefined): string[] {
  const options: string[] = []
  if (security.noNewPrivileges) options.push('no-new-privileges')
  if (security.seccomp === 'Unconfined') options.push('seccomp=unconfined')
  else if (seccompProfile !== undefined) options.push(`seccomp=${seccompProfile}`)
  const { apparmor } = security
  if (apparmor === 'Unconfined') options.push('apparmor=unconfined')
  else if (apparmor?.startsWith('Localhost/')) options.push(`apparmor=${apparmor.slice('Localhost/'.length)}`)
  return options
}

/** The engine wants the profile itself, not its path. */
async function seccompProfile(seccomp: string | undefined): Promise<string | undefined> {
  if (!seccomp?.startsWith('Localhost/')) return undefined
  const path = seccomp.slice('Localhost/'.length)
  try {
    return JSON.stringify(JSON.parse(await readFile(path, 'utf8')))
  } catch (err) {
    throw new RuntimeError('InvalidArgument', `cannot use seccomp profile ${path}: ${(err as Error).message}`, {
      cause: err,
    })
  }
}
