// Which account tokens a node's agent may ask for: bound to a pod that runs on it, and for an audience that a volume of this pod names
// or that the node was granted. k8s: the part of NodeRestriction that looks at TokenRequests, with its order and sentences.
import { CSIDriver } from '../../api/kinds/csi-driver.ts'
import { PersistentVolume } from '../../api/kinds/persistent-volume.ts'
import { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { forbidden } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { TokenRequest } from '../../api/types/authentication.v1.ts'
import type { Authorize } from '../authorize.ts'
import { nodeNameOf } from '../authz/node.ts'
import { type Call, type Registry, refOf } from '../registry/call.ts'
import { keyOf, type Located } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'

/** For users who are no nodes nothing. @throws Forbidden */
export async function restrictNodeTokens(
  { store }: Registry,
  authorize: Authorize,
  call: Call,
  { spec }: DeepReadonly<TokenRequest>,
): Promise<void> {
  const node = nodeNameOf(call.user)
  if (node === undefined) return
  const { namespace, name } = call.info
  const refuse = (why: string) => forbidden(refOf(call.kind), name, why)
  const ref = spec?.boundObjectRef
  if (ref?.kind !== 'Pod' || !ref.name) throw refuse('node requested token not bound to a pod')
  if (!ref.uid) throw refuse('node requested token with a pod binding without a uid')
  const pod = await find<Pod>(store, Pod, ref.name, namespace)
  if (pod?.metadata.uid !== ref.uid) throw refuse('the UID in the bound object reference does not match the pod')
  if (pod.spec.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node')

  const { audiences = [] } = spec ?? {}
  if (audiences.length > 1) throw refuse('node may only request 0 or 1 audiences')
  const audience = audiences[0] ?? ''
  if (await namesAudience(store, pod, audience)) return
  const granted = await authorize(call.user, {
    isResource: true,
    verb: 'request-serviceaccounts-token-audience',
    path: '',
    group: '',
    version: 'v1',
    resource: audience,
    subresource: '',
    namespace,
    name,
  })
  if (granted.allowed) return
  const who = `${call.user.name} is not authorized to request tokens for this audience`
  throw refuse(`audience ${JSON.stringify(audience)} not found in pod spec volume, ${who}`)
}

/** By a projected token, or through the driver of a volume. */
async function namesAudience(store: Store, pod: DeepReadonly<Pod>, audience: string): Promise<boolean> {
  const volumes = pod.spec.volumes ?? []
  const projected = volumes.flatMap(({ projected }) => projected?.sources ?? [])
  if (projected.some(({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience)) return true
  for (const { name, csi, ephemeral, persistentVolumeClaim } of volumes) {
    const claim = persistentVolumeClaim?.claimName ?? (ephemeral && `${pod.metadata.name}-${name}`)
    const driver = csi?.driver ?? (claim ? await driverOf(store, pod.metadata.namespace!, claim) : undefined)
    const known = driver === undefined ? undefined : await find<CSIDriver>(store, CSIDriver, driver)
    if (known?.spec.tokenRequests?.some((request) => request.audience === audience)) return true
  }
  return false
}

async function driverOf(store: Store, namespace: string, claimName: string): Promise<string | undefined> {
  const claim = await find<PersistentVolumeClaim>(store, PersistentVolumeClaim, claimName, namespace)
  if (!claim?.spec.volumeName) return undefined
  return (await find<PersistentVolume>(store, PersistentVolume, claim.spec.volumeName))?.spec.csi?.driver
}

const find = async <T>(store: Store, kind: Located, name: string, namespace?: string) =>
  (await store.get(keyOf(kind, namespace, name)))?.object as DeepReadonly<T> | undefined
