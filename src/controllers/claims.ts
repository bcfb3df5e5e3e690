// Who belongs to whom: objects that match an owner's selector and have no controller are adopted, controlled ones that no longer match
// are released. planClaims decides, claim acts. Used for pods of ReplicaSets and for ReplicaSets of Deployments alike.
import type { Kind } from '../api/kinds/kind.ts'
import { isNotFound, isStatus } from '../api/meta/errors.ts'
import { matches, type Selector } from '../api/meta/label-selector.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { controllerOf, ownerReference } from '../api/meta/owners.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Client } from '../client/client.ts'

export interface Claims<E> {
  /** Belong to the owner already. */
  kept: E[]
  adopt: E[]
  release: E[]
}

export function planClaims<E extends DeepReadonly<KubeObject>>(
  owner: DeepReadonly<KubeObject>,
  selector: Selector,
  candidates: readonly E[],
): Claims<E> {
  const claims: Claims<E> = { kept: [], adopt: [], release: [] }
  const ownerLives = !owner.metadata.deletionTimestamp
  for (const candidate of candidates) {
    const { labels, deletionTimestamp } = candidate.metadata
    const controller = controllerOf(candidate)
    const matching = matches(selector, labels)
    if (controller) {
      if (controller.uid !== owner.metadata.uid) continue
      if (matching) claims.kept.push(candidate)
      else if (ownerLives) claims.release.push(candidate)
    } else if (matching && ownerLives && !deletionTimestamp) {
      claims.adopt.push(candidate)
    }
  }
  return claims
}

/**
 * Makes the claims so and returns what belongs to the owner now. Before anything is adopted the live owner is asked: one that was
 * deleted meanwhile adopts nothing.
 */
export async function claim<O extends KubeObject, T extends KubeObject>(
  ctx: Ctx,
  client: Client,
  owner: { kind: Kind<O>; object: DeepReadonly<O> },
  kind: Kind<T>,
  claims: Claims<DeepReadonly<T>>,
): Promise<DeepReadonly<T>[]> {
  const mine = [...claims.kept]
  if (claims.adopt.length > 0) await assertLive(ctx, client, owner)
  for (const object of claims.adopt) {
    const ownerReferences = [ownerReference(owner.kind, owner.object as DeepReadonly<KubeObject>)]
    const body = { metadata: { uid: uidOf(object), ownerReferences } }
    const adopted = await unlessGone(client.patch(ctx, kind, targetOf(object), { type: 'strategic', body }))
    if (adopted) mine.push(adopted)
  }
  for (const object of claims.release) {
    const ownerReferences = [{ $patch: 'delete', uid: uidOf(owner.object) }]
    const body = { metadata: { uid: uidOf(object), ownerReferences } }
    await unlessGone(client.patch(ctx, kind, targetOf(object), { type: 'strategic', body }))
  }
  return mine
}

async function assertLive<O extends KubeObject>(
  ctx: Ctx,
  client: Client,
  { kind, object }: { kind: Kind<O>; object: DeepReadonly<O> },
) {
  const { name, namespace, uid } = (object as unknown as KubeObject).metadata
  const live = await client.get(ctx, kind, name, namespace)
  if (live.metadata.uid !== uid) throw new Error(`original ${kind.kind} ${namespace}/${name} is gone`)
  if (live.metadata.deletionTimestamp) throw new Error(`${namespace}/${name} has just been deleted`)
}

/** Undefined when the object is gone or is another one by now (its uid does not match). */
async function unlessGone<R>(patched: Promise<R>): Promise<R | undefined> {
  try {
    return await patched
  } catch (err) {
    if (isNotFound(err) || isStatus(err, 'Invalid')) return undefined
    throw err
  }
}

function targetOf(object: unknown): { name: string; namespace: string | undefined } {
  const { name, namespace } = (object as KubeObject).metadata
  return { name, namespace }
}
const uidOf = (object: unknown) => (object as KubeObject).metadata.uid
