// Claims that pods use and volumes that are bound don't go while that is so: their finalizer is taken off when nothing uses them any
// more, and put on where it is missing.
import type { Kind } from '../api/kinds/kind.ts'
import { PersistentVolume } from '../api/kinds/persistent-volume.ts'
import { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts'
import { Pod } from '../api/kinds/pod.ts'
import { isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { isTerminal } from '../api/meta/pods.ts'
import type { Ctx } from '../base/ctx.ts'
import { type ControllerDeps, defineController, type Trigger } from './controller.ts'

type AnyPod = DeepReadonly<Pod>

/** The claims that a pod names, and those that are made for it. */
export function claimsOf({ metadata, spec }: AnyPod): string[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName]
    return ephemeral ? [`${metadata.name}-${name}`] : []
  })
}

/** k8s: a pod without a node isn't started any more with a claim that is being deleted. */
export const usesClaim = (pod: AnyPod, claim: string) =>
  Boolean(pod.spec.nodeName) && !isTerminal(pod) && claimsOf(pod).includes(claim)

/** What the finalizers must be; undefined when they are so. */
export function plan(
  { metadata }: DeepReadonly<KubeObject>,
  finalizer: string,
  isUsed: () => boolean,
): readonly string[] | undefined {
  const { finalizers = [], deletionTimestamp } = metadata
  const has = finalizers.includes(finalizer)
  if (!deletionTimestamp) return has ? undefined : [...finalizers, finalizer]
  return has && !isUsed() ? finalizers.filter((name) => name !== finalizer) : undefined
}

export const pvcProtection = defineController<PersistentVolumeClaim>({
  name: 'pvc-protection',
  kind: PersistentVolumeClaim,
  triggers: [claimsOfPods()],
  async sync(ctx, claim, _key, deps) {
    if (!claim) return
    const { name, namespace = '' } = claim.metadata
    const isUsed = () => deps.cache.list(Pod, { namespace }).some((pod) => usesClaim(pod, name))
    await setFinalizers(ctx, PersistentVolumeClaim, claim, plan(claim, 'kubernetes.io/pvc-protection', isUsed), deps)
  },
})

export const pvProtection = defineController<PersistentVolume>({
  name: 'pv-protection',
  kind: PersistentVolume,
  triggers: [],
  async sync(ctx, volume, _key, deps) {
    if (!volume) return
    const isUsed = () => volume.status?.phase === 'Bound'
    await setFinalizers(ctx, PersistentVolume, volume, plan(volume, 'kubernetes.io/pv-protection', isUsed), deps)
  },
})

async function setFinalizers<T extends KubeObject>(
  ctx: Ctx,
  kind: Kind<T>,
  object: DeepReadonly<T>,
  finalizers: readonly string[] | undefined,
  { client }: ControllerDeps,
): Promise<void> {
  if (!finalizers) return
  const { name, namespace, resourceVersion } = object.metadata as KubeObject['metadata']
  const body = { metadata: { resourceVersion, finalizers } }
  const target = { name, ...(namespace ? { namespace } : {}) }
  await client.patch(ctx, kind, target, { type: 'merge', body }).catch((err) => {
    if (!isNotFound(err)) throw err
  })
}

function claimsOfPods(): Trigger<never> {
  const trigger: Trigger<Pod> = {
    kind: Pod,
    keys: (pod) => claimsOf(pod).map((claim) => `${pod.metadata.namespace}/${claim}`),
  }
  return trigger as unknown as Trigger<never>
}
