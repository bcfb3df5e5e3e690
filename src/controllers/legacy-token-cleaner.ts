// Ends tokens in Secrets that nobody has used for a year: first they are marked invalid, which a user notices and can undo, and a year
// later they are removed. Only those that a ServiceAccount lists and no pod mounts: what somebody made by hand stays. k8s: the labels are
// written by the API server whenever such a token is used; the ConfigMap says since when it has done so.
import { ConfigMap } from '../api/kinds/config-map.ts'
import { Pod } from '../api/kinds/pod.ts'
import { Secret } from '../api/kinds/secret.ts'
import { ServiceAccount } from '../api/kinds/service-account.ts'
import { isConflict, isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { podReferences } from '../api/meta/pod-references.ts'
import { parseTime } from '../api/meta/time.ts'
import { type Controller, defineController } from './controller.ts'

const TYPE = 'kubernetes.io/service-account-token'
const ACCOUNT_NAME = 'kubernetes.io/service-account.name'
const LAST_USED = 'kubernetes.io/legacy-token-last-used'
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since'
const TRACKING = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' }
const DAY_MS = 24 * 3600_000
const CLEAN_UP_AFTER_MS = 365 * DAY_MS

type Todo = { readonly do: 'mark' | 'remove' } | { readonly do: 'wait'; readonly ms: number }

/** @param trackedSince a day, as in `2026-01-31`; undefined when use is not tracked */
export function plan(
  { metadata }: DeepReadonly<Pick<Secret, 'metadata'>>,
  trackedSince: string | undefined,
  nowMs: number,
): Todo {
  const { labels = {}, creationTimestamp } = metadata
  const lastUsed = dayMs(labels[LAST_USED])
  const tracked = dayMs(trackedSince)
  // A label that can't be read says that it was used, at some time.
  if (tracked === undefined || (labels[LAST_USED] !== undefined && lastUsed === undefined)) return later(DAY_MS)
  const unusedSince = Math.max(parseTime(creationTimestamp) ?? nowMs, lastUsed ?? 0, tracked)
  const invalidSince = dayMs(labels[INVALID_SINCE])
  const since = Math.max(unusedSince, invalidSince ?? 0)
  const leftMs = since + CLEAN_UP_AFTER_MS - nowMs
  if (leftMs > 0) return later(leftMs)
  return { do: invalidSince === undefined ? 'mark' : 'remove' }
}

const later = (ms: number): Todo => ({ do: 'wait', ms })

function dayMs(day: string | undefined): number | undefined {
  const ms = day !== undefined && /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

export const legacyTokenCleaner: Controller<never> = defineController<Secret>({
  name: 'legacy-serviceaccount-token-cleaner',
  kind: Secret,
  triggers: [],
  reads: [ServiceAccount, Pod] as never,
  async sync(ctx, secret, _key, { client, cache, clock }) {
    if (secret?.type !== TYPE || secret.metadata.deletionTimestamp) return
    const { name, namespace, uid, resourceVersion } = secret.metadata
    const account = cache.get(ServiceAccount, secret.metadata.annotations?.[ACCOUNT_NAME] ?? '', namespace)
    // Who made it by hand keeps it.
    if (!account?.secrets?.some((ref) => ref.name === name)) return
    const nowMs = clock.now()
    const early = plan(secret, '1970-01-01', nowMs)
    if (early.do === 'wait') return { againInMs: early.ms }
    const tracking = await client.get(ctx, ConfigMap, TRACKING.name, TRACKING.namespace).catch((err) => {
      if (isNotFound(err)) return undefined
      throw err
    })
    const todo = plan(secret, tracking?.data?.['since'], nowMs)
    if (todo.do === 'wait') return { againInMs: todo.ms }
    if (cache.list(Pod, { namespace }).some((pod) => podReferences(pod).secrets.has(name))) return { againInMs: DAY_MS }
    try {
      if (todo.do === 'remove') {
        await client.delete(ctx, Secret, { name, namespace }, { preconditions: { uid, resourceVersion } })
        return
      }
      const labels = { [INVALID_SINCE]: new Date(nowMs).toISOString().slice(0, 10) }
      const body = { metadata: { uid, resourceVersion, labels } }
      await client.patch(ctx, Secret, { name, namespace }, { type: 'merge', body })
    } catch (err) {
      // Used or changed meanwhile: it comes by again.
      if (!isNotFound(err) && !isConflict(err)) throw err
    }
  },
})
