// The container runtime, in CRI's own words (k8s.io/cri-api), so that another implementation than Docker's can follow. The agent's
// pod workers use nothing else. Every implementation (docker/, fake) passes runtime-suite.ts.
//
// Errors: a RuntimeError with a code. Calls are idempotent where CRI asks for it: stopping what is stopped and removing what is
// gone succeed. A ctx that is aborted ends the wait, not the container.
import type { Ctx } from '../../base/ctx.ts'

export type RuntimeErrorCode =
  | 'NotFound'
  | 'AlreadyExists'
  | 'InvalidArgument' // the container's configuration cannot work (no such command …)
  | 'Unavailable' // the engine does not answer
  | 'ImagePull' // registry said no, or can't be reached
  | 'Unknown'

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RuntimeError'
    this.code = code
  }
}

export interface PodSandboxMetadata {
  name: string
  uid: string
  namespace: string
  /** Counts the sandboxes that this pod has had. */
  attempt: number
}
export interface ContainerMetadata {
  name: string
  /** restartCount at creation. */
  attempt: number
}

export interface PodSandboxConfig {
  metadata: PodSandboxMetadata
  hostname: string
  /** Where container log files would be; informative for Docker, which keeps its own. */
  logDirectory: string
  /** undefined for host network or to inherit the node's. Written to every container's /etc/resolv.conf. */
  dnsConfig: { servers: readonly string[]; searches: readonly string[]; options: readonly string[] } | undefined
  portMappings: readonly { protocol: 'TCP' | 'UDP' | 'SCTP'; containerPort: number; hostPort: number; hostIP: string }[]
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  linux: {
    /** Parent of the pod's containers, when the agent makes pod cgroups; undefined: the engine's default. */
    cgroupParent: string | undefined
    hostNetwork: boolean
    hostPID: boolean
    hostIPC: boolean
    shareProcessNamespace: boolean
    sysctls: Readonly<Record<string, string>>
  }
}

export interface PodSandbox {
  id: string
  metadata: PodSandboxMetadata
  state: 'Ready' | 'NotReady'
  createdAtMs: number
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  /** Empty for host network and for a sandbox that is not running. */
  ips: readonly string[]
}

export interface Mount {
  containerPath: string
  hostPath: string
  readonly: boolean
  propagation: 'private' | 'hostToContainer' | 'bidirectional'
}

export interface LinuxResources {
  /** Absent fields leave the engine's default (no limit). */
  cpuShares?: number
  cpuQuotaUs?: number
  cpuPeriodUs?: number
  memoryLimitBytes?: number
  oomScoreAdj?: number
  pidsLimit?: number
}

export interface LinuxSecurityContext {
  privileged: boolean
  readonlyRootfs: boolean
  runAsUser?: number
  runAsGroup?: number
  supplementalGroups: readonly number[]
  addCapabilities: readonly string[]
  dropCapabilities: readonly string[]
  noNewPrivileges: boolean
  /** `RuntimeDefault`, `Unconfined` or `Localhost/path`; undefined: the engine's default. */
  seccomp?: string
  apparmor?: string
  hostPID: boolean
  /** The container whose processes this one shares: `kubectl debug --target`. */
  targetId?: string
  hostIPC: boolean
  hostNetwork: boolean
}

export interface ContainerConfig {
  metadata: ContainerMetadata
  /** The image's id as ImageService gave it. */
  imageId: string
  /** undefined: the image's own ENTRYPOINT / CMD. */
  command: readonly string[] | undefined
  args: readonly string[] | undefined
  workingDir: string | undefined
  envs: readonly { key: string; value: string }[]
  mounts: readonly Mount[]
  devices: readonly { hostPath: string; containerPath: string; permissions: string }[]
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  stdin: boolean
  stdinOnce: boolean
  tty: boolean
  resources: LinuxResources
  security: LinuxSecurityContext
}

export interface ContainerStatus {
  id: string
  podSandboxId: string
  metadata: ContainerMetadata
  state: 'Created' | 'Running' | 'Exited' | 'Unknown'
  createdAtMs: number
  /** 0 before it was started. */
  startedAtMs: number
  /** 0 while it runs. */
  finishedAtMs: number
  exitCode: number
  /** The signal that ended it, when known; 0 otherwise. */
  signal: number
  /** `OOMKilled`, `Completed`, `Error`, `ContainerCannotRun` or empty. */
  reason: string
  message: string
  /** As the user named it. */
  image: string
  imageId: string
  /** `docker-pullable://nginx@sha256:…`, or the id for images that were never pulled. */
  imageRef: string
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
}

export interface RuntimeEvent {
  type:
    | 'ContainerStarted'
    | 'ContainerStopped'
    /** The kernel killed a process in it for its memory; may come after its end, whose reason is then another one. */
    | 'ContainerOOM'
    | 'ContainerDeleted'
    | 'SandboxStarted'
    | 'SandboxStopped'
    | 'SandboxDeleted'
  /** From the labels: which pod it concerns. */
  podUid: string
  containerId: string
}

export interface ContainerStats {
  containerId: string
  timestampMs: number
  cpuUsageNanoseconds: number
  memoryUsageBytes: number
  /** Without reclaimable file cache. */
  memoryWorkingSetBytes: number
  writableLayerBytes: number | undefined
}

/** Streams of a process in a container. All three may be undefined. `resize` yields terminal sizes. */
export interface ProcessIO {
  stdin?: AsyncIterable<Uint8Array>
  stdout?: (chunk: Uint8Array) => void | Promise<void>
  stderr?: (chunk: Uint8Array) => void | Promise<void>
  resize?: AsyncIterable<{ width: number; height: number }>
}

export interface LogLine {
  timestampMs: number
  /** Nanosecond RFC 3339, as the engine wrote it. */
  timestamp: string
  stream: 'stdout' | 'stderr'
  /** With its line feed, if it had one. */
  bytes: Uint8Array
}
export interface LogOptions {
  follow: boolean
  /** Lines from the end; undefined: all. */
  tail?: number
  sinceMs?: number
}

export interface RuntimeService {
  version(ctx: Ctx): Promise<{
    runtimeName: string
    runtimeVersion: string
    os: string
    architecture: string
    cgroupDriver: string
    kernelVersion: string
    osImage: string
  }>
  /**
   * Creates and starts. The sandbox has its addresses when this resolves.
   * `onCreated` is called as soon as containers may be created (not yet started) in it, with a NotReady sandbox without addresses:
   * the two can then go on at once. It is not called when creating the sandbox fails; a start that fails leaves the sandbox NotReady.
   */
  runPodSandbox(ctx: Ctx, config: PodSandboxConfig, onCreated?: (sandbox: PodSandbox) => void): Promise<PodSandbox>
  /** Kills what still runs in it, frees its network. */
  stopPodSandbox(ctx: Ctx, sandboxId: string): Promise<void>
  /** With all its containers. */
  removePodSandbox(ctx: Ctx, sandboxId: string): Promise<void>
  listPodSandboxes(ctx: Ctx): Promise<PodSandbox[]>
  createContainer(ctx: Ctx, sandbox: PodSandbox, config: ContainerConfig): Promise<string>
  startContainer(ctx: Ctx, containerId: string): Promise<void>
  /** Stop signal, then SIGKILL after the grace period; resolves when the process is gone. `graceMs` 0 kills at once. */
  stopContainer(ctx: Ctx, containerId: string, graceMs: number): Promise<void>
  removeContainer(ctx: Ctx, containerId: string): Promise<void>
  /** Containers of all pods of this cluster's node, running or not. */
  listContainers(ctx: Ctx): Promise<ContainerStatus[]>
  containerStatus(ctx: Ctx, containerId: string): Promise<ContainerStatus>
  updateContainerResources(ctx: Ctx, containerId: string, resources: LinuxResources): Promise<void>
  /** Runs a command to its end; output past `maxOutputBytes` is cut. A timeout kills it and gives exit code 124 with `timedOut`. */
  execSync(
    ctx: Ctx,
    containerId: string,
    command: readonly string[],
    options: { timeoutMs: number; maxOutputBytes: number },
  ): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array; timedOut: boolean }>
  /** Resolves with the exit code when the process has ended and its output was delivered. */
  exec(ctx: Ctx, containerId: string, command: readonly string[], tty: boolean, io: ProcessIO): Promise<number>
  /** Resolves when the container ends or the ctx is aborted. */
  attach(ctx: Ctx, containerId: string, tty: boolean, io: ProcessIO): Promise<void>
  /** A TCP connection to `port` on the pod's loopback interface. */
  portForward(ctx: Ctx, sandboxId: string, port: number): Promise<import('node:stream').Duplex>
  logs(ctx: Ctx, containerId: string, options: LogOptions): AsyncIterable<LogLine>
  stats(ctx: Ctx, containerId: string): Promise<ContainerStats>
  /**
   * Changes as they happen. Throws when the engine goes away (RuntimeError Unavailable); the caller waits, relists and asks again.
   * `onConnected` is called once events can no longer be missed.
   */
  events(ctx: Ctx, onConnected: () => void): AsyncIterable<RuntimeEvent>
}

export interface Image {
  id: string
  tags: readonly string[]
  digests: readonly string[]
  sizeBytes: number
  /** From the image's USER: a number, or a name. */
  user: string
}

export interface ImageService {
  listImages(ctx: Ctx): Promise<Image[]>
  /** undefined when it is not present. */
  imageStatus(ctx: Ctx, reference: string): Promise<Image | undefined>
  /** @param auth tried in order, none last. @throws RuntimeError ImagePull with the registry's own words. */
  pullImage(
    ctx: Ctx,
    reference: string,
    auth: readonly ImageAuth[],
    onProgress?: (line: string) => void,
  ): Promise<Image>
  removeImage(ctx: Ctx, reference: string): Promise<void>
  fsUsageBytes(ctx: Ctx): Promise<number>
}
export interface ImageAuth {
  registry: string
  username: string
  password: string
}
