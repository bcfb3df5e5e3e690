// Eviction: a delete that heeds PodDisruptionBudgets. The decision is pure; the budget's status is the place where concurrent
// evictions meet (compare and swap).
import { defineKind, type Kind } from '../../api/kinds/kind.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import { PodDisruptionBudget } from '../../api/kinds/pod-disruption-budget.ts'
import { badRequest, forbidden, notFound, StatusError } from '../../api/meta/errors.ts'
import { selects } from '../../api/meta/label-selector.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { isPodReady, isTerminal } from '../../api/meta/pods.ts'
import { formatTime } from '../../api/meta/time.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { DeleteOptions as WireDeleteOptions } from '../../api/types/meta.v1.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { nodeNameOf } from '../authz/node.ts'
import { type Call, type Registry, refOf } from '../registry/call.ts'
import { removeObject } from '../registry/delete.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import { read } from '../registry/get.ts'
import type { DeleteOptions } from '../registry/lifecycle.ts'
import { change } from '../registry/update.ts'
import { admitBody } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'
import { prefixOf } from '../storage/keys.ts'
import type { Entry } from '../storage/store.ts'

type Budget = DeepReadonly<PodDisruptionBudget>

const Eviction = defineKind<KubeObject>({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  scope: 'Namespaced',
}) as unknown as Kind

/** k8s: kubectl before 1.22 evicts with the beta version, which is served no more and still understood here. */
const evictionBody = { ...Eviction, formerVersions: ['policy/v1beta1'] }
const conditionEndpoint: Endpoint = {
  subresource: 'eviction',
  creates: false,
  restrict: () => {},
  errors: () => [],
  admission: 'none',
}
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
const MAX_DISRUPTED_PODS = 2000
const RETRY_AFTER_SECONDS = 10
const MAX_ATTEMPTS = 20

export async function evict(registry: Registry, call: Call): Promise<ApiResponse> {
  const writeOptions = parseWriteOptions(call, 'CreateOptions')
  const { request } = call
  const { object } = decodeBody(evictionBody, request.body, request.headers['content-type'], writeOptions.validation)
  const eviction = object as { metadata?: { name?: string }; deleteOptions?: WireDeleteOptions }
  const { name } = call.info
  if (eviction.metadata?.name && eviction.metadata.name !== name) {
    throw badRequest('name in URL does not match name in Eviction object')
  }
  const asked = eviction.deleteOptions
  const dryRun = writeOptions.dryRun || (asked?.dryRun ?? []).length > 0
  const body = object as unknown as KubeObject
  body.metadata = { ...body.metadata, name, namespace: call.info.namespace }
  const pod = (await read(registry, call)).object as DeepReadonly<Pod>
  restrictNodes(call, pod)
  await admitBody(registry, call, Eviction, body, dryRun)
  const uid = asked?.preconditions?.uid
  if (uid && uid !== pod.metadata.uid) throw notFound(refOf(call.kind), name)
  const exempt = isTerminal(pod) || pod.status?.phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
  if (!exempt) await claimDisruption(registry, call, pod, dryRun)
  if (!dryRun && !pod.metadata.deletionTimestamp) await markDisrupted(registry, call)
  const options: DeleteOptions = {
    gracePeriodSeconds: asked?.gracePeriodSeconds,
    propagation: asked?.propagationPolicy as DeleteOptions['propagation'],
    uid: pod.metadata.uid,
    resourceVersion: undefined,
    dryRun,
  }
  await removeObject(registry, call, options, true)
  return objectResponse(
    { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
    { status: 201 },
  )
}

/** k8s: a node's agent evicts only what runs on it. */
function restrictNodes(call: Call, pod: DeepReadonly<Pod>): void {
  const node = nodeNameOf(call.user)
  if (node === undefined || pod.spec.nodeName === node) return
  const why = `node ${JSON.stringify(node)} can only evict pods with spec.nodeName set to itself`
  throw forbidden(refOf(call.kind), call.info.name, why)
}

/** Takes one disruption off the pod's budget. @throws TooManyRequests when there is none left */
async function claimDisruption(registry: Registry, call: Call, pod: DeepReadonly<Pod>, dryRun: boolean): Promise<void> {
  const { store, clock } = registry
  const prefix = prefixOf(PodDisruptionBudget as never, call.info.namespace)
  for (let attempt = 1; ; attempt++) {
    const found = await store.list(prefix)
    const budgets = found.entries.filter((entry) => covers(entry.object as unknown as Budget, pod))
    if (budgets.length === 0) return
    if (budgets.length > 1) {
      throw new StatusError(
        500,
        '',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      )
    }
    const entry = budgets[0] as Entry
    const next = disrupted(entry.object as unknown as Budget, pod, clock.now())
    if (!next || dryRun) return
    const result = await store.write({ key: entry.key, expect: entry.revision, object: next as unknown as KubeObject })
    if (result.ok) return
    if (attempt === MAX_ATTEMPTS) throw tooMany('it changed too often', RETRY_AFTER_SECONDS)
  }
}

const covers = ({ spec }: Budget, pod: DeepReadonly<Pod>) => selects(spec?.selector, pod.metadata.labels)

/** The budget with this disruption in it; undefined when the pod doesn't count. @throws when the budget forbids it */
export function disrupted(budget: Budget, pod: DeepReadonly<Pod>, nowMs: number): PodDisruptionBudget | undefined {
  const { metadata, spec, status } = budget
  const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0, disruptedPods = {} } = status ?? {}
  if (!isPodReady(pod)) {
    if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return undefined
    if (currentHealthy >= desiredHealthy && desiredHealthy > 0) return undefined
  }
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    const why = `The disruption budget ${metadata.name} is still being processed by the server.`
    throw tooMany(why, RETRY_AFTER_SECONDS)
  }
  const ref = { group: 'policy', resource: 'poddisruptionbudget' }
  if (disruptionsAllowed < 0) throw forbidden(ref, metadata.name, 'pdb disruptions allowed is negative')
  if (Object.keys(disruptedPods).length > MAX_DISRUPTED_PODS) {
    throw forbidden(
      ref,
      metadata.name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    )
  }
  if (disruptionsAllowed === 0) {
    const why = `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
    throw tooMany(why)
  }
  const next = cloneJson(budget) as PodDisruptionBudget
  next.status = {
    ...next.status!,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...next.status?.disruptedPods, [pod.metadata.name]: formatTime(nowMs) },
  }
  return next
}

/** k8s: only while the budget itself isn't ready does the answer say when to come again. */
function tooMany(why: string, retryAfterSeconds?: number): StatusError {
  return new StatusError(429, 'TooManyRequests', VIOLATES, {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
  })
}

/** k8s: controllers that replace pods look for this condition. */
async function markDisrupted(registry: Registry, call: Call): Promise<void> {
  const options = { dryRun: false, manager: 'kube-apiserver', validation: 'Ignore' as const }
  await change(registry, call, conditionEndpoint, options, false, (old) => {
    const object = cloneJson(old) as unknown as Pod
    const conditions = (object.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget')
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime: formatTime(registry.clock.now()),
    }
    object.status = { ...object.status, conditions: [...conditions, condition] } as Pod['status']
    return { object: object as KubeObject, fieldsTracked: true }
  })
}
