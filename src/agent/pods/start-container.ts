// Brings one container up: image, volumes and environment side by side with the sandbox's own start, then create, start and postStart.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigMap } from '../../api/kinds/config-map.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import type { Secret } from '../../api/kinds/secret.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import { type ContainerConfig, type PodSandbox, RuntimeError, type RuntimeService } from '../cri/runtime.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import { containerConfig } from './container-config.ts'
import { fieldPath, type PodContainer } from './containers.ts'
import type { PodDeps } from './deps.ts'
import { containerEnv, envNeedsPodIP } from './env.ts'
import type { FieldContext } from './fields.ts'
import { runHook } from './hooks.ts'
import { hostsFile, podNames } from './hosts.ts'
import { isOfPod } from './labels.ts'
import { containerMounts, readOnlyVolumes } from './mounts.ts'
import { StartFailure } from './start-failure.ts'
import { makeMessageFile } from './termination-message.ts'

export interface StartRequest {
  pod: DeepReadonly<Pod>
  container: PodContainer
  attempt: number
  /** k8s: the running container whose processes an ephemeral one sees. */
  targetId: string | undefined
  restartDelayMs: number
  /** Containers can be created in it. */
  created: Promise<PodSandbox>
  /** Containers can be started in it; it has its addresses. */
  ready: Promise<PodSandbox>
  volumes: PodVolumes
  fields(): FieldContext
  /** Called as soon as the runtime has it, before it is started. */
  onCreated(containerId: string): void
}

/** k8s: how long a postStart hook may take is not bounded; the pod's deletion ends it. */
const HOOK_TIMEOUT_MS = 24 * 3_600_000

/** What went wrong before the container could be made: volumes are tried again sooner than the rest. */
export class VolumesNotReady extends Error {}

/**
 * @param cancel ends it at the next step: what the runtime was asked for is waited for, so that nothing comes up unseen.
 * @returns the id of the running container. @throws StartFailure, VolumesNotReady, RuntimeError
 */
export async function startContainer(
  base: Ctx,
  cancel: AbortSignal,
  deps: PodDeps,
  request: StartRequest,
): Promise<string> {
  const { pod, container, attempt, volumes } = request
  const ctx = child(base, {}, cancel)
  const { spec, role } = container
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    deps.events.event(pod, type, reason, message, { fieldPath: fieldPath(role, spec.name) })

  const image = deps.images.ensure(ctx, pod, container)
  const paths = volumes.ready(ctx).catch((err) => {
    throw new VolumesNotReady(err instanceof Error ? err.message : String(err), { cause: err })
  })
  const prepared = await together(image, paths, readReferences(ctx, request), deps.store.makePodDir(pod.metadata.uid))
  const [theImage, thePaths, references, podDir] = prepared
  if (envNeedsPodIP(spec)) await request.ready
  const env = containerEnv(spec, request.fields(), {
    ...references,
    file: (volume, path) => references.files.get(`${volume}/${path}`),
    services: deps.services(pod.metadata.namespace ?? ''),
  })
  const context = { podDir, paths: thePaths, env, canMount: deps.store.canMount, readOnlyVolumes: readOnlyVolumes(pod) }
  const [mounts, message] = await together(
    containerMounts(ctx, spec, context),
    makeMessageFile(podDir, spec.name, attempt),
  )
  const files = { hosts: join(podDir, 'etc-hosts'), message }
  // The file must be there when the container is created; its text can follow until the start.
  await writeFile(files.hosts, '', { flag: 'a', mode: 0o644 })
  const nodeMemoryBytes = deps.node.memoryBytes
  const { restartDelayMs, targetId } = request
  const parts = { pod, container, attempt, image: theImage, env, mounts, files, nodeMemoryBytes, restartDelayMs }
  const config = containerConfig({ ...parts, ...(targetId ? { targetId } : {}) })
  const sandbox = await request.created
  ctx.signal.throwIfAborted()
  const id = await createInPlaceOfLeftOver(base, deps.runtime, sandbox, config).catch((err) => {
    throw runtimeFailure(base, 'CreateContainerError', err)
  })
  request.onCreated(id)
  tell('Normal', 'Created', 'Container created')

  const ready = await request.ready
  await writeHosts(deps, pod, files.hosts, ready.ips)
  ctx.signal.throwIfAborted()
  await deps.runtime.startContainer(base, id).catch((err) => {
    throw runtimeFailure(base, 'RunContainerError', err)
  })
  tell('Normal', 'Started', 'Container started')
  const postStart = spec.lifecycle?.postStart
  if (postStart) {
    const podIP = ready.ips[0] ?? deps.node.ips[0] ?? ''
    try {
      await runHook(ctx, deps, postStart, { spec, containerId: id, podIP }, HOOK_TIMEOUT_MS)
    } catch (err) {
      ctx.signal.throwIfAborted()
      const why = err instanceof Error ? err.message : String(err)
      tell('Warning', 'FailedPostStartHook', 'PostStartHook failed')
      tell('Normal', 'Killing', 'FailedPostStartHook')
      await deps.runtime.stopContainer(base, id, (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000)
      throw new StartFailure('PostStartHookError', why, { told: true, cause: err })
    }
  }
  return id
}

/** An engine that went away while it created the container may have it nevertheless, in a sandbox that is gone: it never ran. */
async function createInPlaceOfLeftOver(
  ctx: Ctx,
  runtime: RuntimeService,
  sandbox: PodSandbox,
  config: ContainerConfig,
): Promise<string> {
  try {
    return await runtime.createContainer(ctx, sandbox, config)
  } catch (err) {
    if (!(err instanceof RuntimeError) || err.code !== 'AlreadyExists') throw err
    const { name, attempt } = config.metadata
    const left = (await runtime.listContainers(ctx)).find(
      ({ metadata, labels, state }) =>
        state === 'Created' &&
        isOfPod(labels, sandbox.metadata.uid) &&
        metadata.name === name &&
        metadata.attempt === attempt,
    )
    if (!left) throw err
    await runtime.removeContainer(ctx, left.id)
    return runtime.createContainer(ctx, sandbox, config)
  }
}

/** Errors of the runtime that are about this container; others (it does not answer, we are being stopped) go up as they are. */
function runtimeFailure(ctx: Ctx, reason: string, err: unknown): unknown {
  if (ctx.signal.aborted || (err as { code?: string }).code === 'Unavailable') return err
  return new StartFailure(reason, err instanceof Error ? err.message : String(err), { cause: err })
}

async function writeHosts(
  deps: PodDeps,
  pod: DeepReadonly<Pod>,
  path: string,
  podIPs: readonly string[],
): Promise<void> {
  const names = podNames(pod, deps.clusterDomain, deps.node.name)
  const nodeHosts = pod.spec?.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : ''
  await writeFile(path, hostsFile(pod, names, podIPs, nodeHosts), { mode: 0o644 })
}

interface References {
  configMap(name: string): DeepReadonly<ConfigMap> | undefined
  secret(name: string): DeepReadonly<Secret> | undefined
  files: ReadonlyMap<string, string>
}

/** Everything that the container's environment refers to. */
async function readReferences(ctx: Ctx, { container: { spec }, volumes }: StartRequest): Promise<References> {
  const maps = new Set<string>()
  const secrets = new Set<string>()
  for (const { configMapRef, secretRef } of spec.envFrom ?? []) {
    if (configMapRef?.name) maps.add(configMapRef.name)
    if (secretRef?.name) secrets.add(secretRef.name)
  }
  const fileKeys: { volumeName: string; path: string }[] = []
  for (const { valueFrom } of spec.env ?? []) {
    if (valueFrom?.configMapKeyRef?.name) maps.add(valueFrom.configMapKeyRef.name)
    if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name)
    if (valueFrom?.fileKeyRef) fileKeys.push(valueFrom.fileKeyRef)
  }
  const read = async <T>(kind: 'ConfigMap' | 'Secret', names: ReadonlySet<string>) =>
    new Map(
      await Promise.all([...names].map(async (name) => [name, await volumes.reference<T>(ctx, kind, name)] as const)),
    )
  const [mapByName, secretByName] = await together(read<ConfigMap>('ConfigMap', maps), read<Secret>('Secret', secrets))
  const files = new Map<string, string>()
  if (fileKeys.length > 0) {
    const paths = await volumes.ready(ctx)
    for (const { volumeName, path } of fileKeys) {
      const dir = paths.get(volumeName)
      const text =
        dir && !path.split('/').includes('..')
          ? await readFile(join(dir, path), 'utf8').catch(() => undefined)
          : undefined
      if (text !== undefined) files.set(`${volumeName}/${path}`, text)
    }
  }
  return { configMap: (name) => mapByName.get(name), secret: (name) => secretByName.get(name), files }
}

/** Promise.all that waits for all before it fails, so that nothing goes on behind the caller's back. */
async function together<T extends readonly unknown[]>(...promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled(promises)
  // The image's failure comes first: it is the one whose reason stands in the status.
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.map((r) => (r as PromiseFulfilledResult<unknown>).value) as unknown as T
}
