// Performs what slices.ts planned, for whoever owns the slices.
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { isNotFound } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { ownerReference } from '../../api/meta/owners.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Client } from '../../client/client.ts'
import { isNamespaceTerminating } from '../replicas/sync.ts'
import type { SlicePlan } from './slices.ts'

/** Slices are named after their owner, and go with it. */
export function sliceWriter<O extends KubeObject>(
  ctx: Ctx,
  client: Client,
  owner: { kind: Kind<O>; object: DeepReadonly<O> },
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): (addressType: string, plan: SlicePlan) => Promise<void> {
  const object = owner.object as unknown as KubeObject
  const { name, namespace } = object.metadata
  return async (addressType, plan) => {
    for (const slice of plan.create) {
      const ownerReferences = [ownerReference(owner.kind, object)]
      const metadata = { generateName: `${name}-`, namespace, labels, annotations, ownerReferences }
      try {
        await client.create(ctx, EndpointSlice, { metadata, addressType, ...slice })
      } catch (err) {
        if (!isNamespaceTerminating(err)) throw err
      }
    }
    for (const { slice, ...change } of plan.update) {
      const { metadata } = slice
      await client.update(ctx, EndpointSlice, {
        ...slice,
        ...change,
        metadata: { ...metadata, labels, annotations: { ...metadata.annotations, ...annotations } },
      })
    }
    for (const slice of plan.delete) {
      try {
        await client.delete(ctx, EndpointSlice, { name: slice.metadata.name, namespace })
      } catch (err) {
        if (!isNotFound(err)) throw err
      }
    }
  }
}
