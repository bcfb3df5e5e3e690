// How many pods their owners want together: ReplicaSets, or the Deployments behind them, ReplicationControllers, StatefulSets from the
// cache, and any other kind that can be scaled by asking for its scale.
import { Deployment } from '../../api/kinds/deployment.ts'
import { ReplicaSet } from '../../api/kinds/replica-set.ts'
import { ReplicationController } from '../../api/kinds/replication-controller.ts'
import { StatefulSet } from '../../api/kinds/stateful-set.ts'
import { isNotFound } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { controllerOf } from '../../api/meta/owners.ts'
import type { Pod } from '../../api/types/core.v1.ts'
import type { OwnerReference } from '../../api/types/meta.v1.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { ControllerDeps } from '../controller.ts'

type AnyPod = DeepReadonly<Pod>
type Ref = DeepReadonly<OwnerReference>
type Deps = Pick<ControllerDeps, 'cache' | 'client'>

export const OWNERS = [ReplicaSet, Deployment, ReplicationController, StatefulSet]

export interface ExpectedScale {
  readonly scale: number
  /** Pods that nobody controls. */
  readonly unmanaged: readonly string[]
}

/** @throws Error when a pod's owner can't say how many it wants */
export async function expectedScale(ctx: Ctx, pods: readonly AnyPod[], deps: Deps): Promise<ExpectedScale> {
  const scaleByOwner = new Map<string, number>()
  const checked = new Set<string>()
  const unmanaged: string[] = []
  for (const pod of pods) {
    const ref = controllerOf(pod)
    if (!ref) unmanaged.push(pod.metadata.name)
    else if (!checked.has(ref.uid)) {
      checked.add(ref.uid)
      const found = await ownerScale(ctx, ref, pod.metadata.namespace ?? '', deps)
      if (!found) throw new Error(`found no controllers for pod "${pod.metadata.name}"`)
      scaleByOwner.set(found.uid, found.scale)
    }
  }
  return { scale: [...scaleByOwner.values()].reduce((sum, scale) => sum + scale, 0), unmanaged }
}

type Scalable = DeepReadonly<KubeObject & { spec?: { replicas?: number } }>

async function ownerScale(ctx: Ctx, ref: Ref, namespace: string, deps: Deps) {
  const known = OWNERS.find((kind) => kind.kind === ref.kind && kind.group === groupOf(ref.apiVersion))
  if (!known) return askedScale(ctx, ref, namespace, deps)
  const owner = deps.cache.get(known as never, ref.name, namespace) as Scalable | undefined
  if (!owner || owner.metadata.uid !== ref.uid) return undefined
  const above = controllerOf(owner)
  if ((known as unknown) === ReplicaSet && above?.kind === 'Deployment') {
    const deployment = deps.cache.get(Deployment, above.name, namespace) as Scalable | undefined
    if (deployment?.metadata.uid === above.uid) return scaleOf(deployment)
  }
  return scaleOf(owner)
}

const scaleOf = ({ metadata, spec }: Scalable) => ({ uid: metadata.uid, scale: spec?.replicas ?? 1 })

const groupOf = (apiVersion: string) => (apiVersion.includes('/') ? apiVersion.split('/')[0] : '')

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string }[]
}

/** Of a kind that isn't ours: found by discovery, read by its scale subresource. */
async function askedScale(ctx: Ctx, { apiVersion, kind, name, uid }: Ref, namespace: string, { client }: Deps) {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  try {
    const { resources = [] } = (await client.raw(ctx, 'GET', root)) as ResourceList
    const plural = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'))?.name
    if (!plural || !resources.some((resource) => resource.name === `${plural}/scale`)) return undefined
    const path = `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}/scale`
    const scale = (await client.raw(ctx, 'GET', path)) as Scalable
    return scale.metadata.uid === uid ? { uid, scale: scale.spec?.replicas ?? 0 } : undefined
  } catch (err) {
    if (isNotFound(err)) return undefined
    throw err
  }
}
