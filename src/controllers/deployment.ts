// Keeps a Deployment's ReplicaSets: one per revision, the newest with the Deployment's template. Every sync looks at all of them and
// makes one step of the rollout (rolling.ts, recreate.ts), or scales them; status.ts says how it goes, revisions.ts keeps the history.
import { Deployment } from '../api/kinds/deployment.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Pod } from '../api/kinds/pod.ts'
import { ReplicaSet } from '../api/kinds/replica-set.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import { isAlreadyExists, isNotFound } from '../api/meta/errors.ts'
import { fromLabelSelector } from '../api/meta/label-selector.ts'
import { type DeepReadonly, objectKey } from '../api/meta/object.ts'
import { controllerOf, isControlledBy } from '../api/meta/owners.ts'
import type { DeploymentStatus } from '../api/types/apps.v1.ts'
import type { Ctx } from '../base/ctx.ts'
import { claim, planClaims } from './claims.ts'
import { type ControllerDeps, defineController, owned, type SyncResult, type Trigger } from './controller.ts'
import { type AnyDeployment, type AnyReplicaSet, isRolling, type Scale, sizeOf } from './deployment/counts.ts'
import { oldPodsRunning, planEmptying } from './deployment/recreate.ts'
import {
  newSetAnnotations,
  newSetFor,
  nextRevision,
  planCleanup,
  REVISION,
  sameTemplate,
  sizeAnnotations,
  splitSets,
} from './deployment/revisions.ts'
import { isScalingEvent, planProportional, planRolling } from './deployment/rolling.ts'
import {
  countedStatus,
  deadlineCheckInMs,
  isComplete,
  pauseCondition,
  progressing,
  rolloutStatus,
  withDeploymentCondition,
} from './deployment/status.ts'
import { orphaned } from './orphans.ts'
import { isNamespaceTerminating } from './replicas/sync.ts'

/** One sync's view: replaced piece by piece with what its own writes return. */
interface View {
  deployment: AnyDeployment
  newSet: AnyReplicaSet | undefined
  oldSets: AnyReplicaSet[]
  /** As last read or written; `deployment` may be ahead of it in its status and its annotations. */
  stored: AnyDeployment
}

export const deployment = defineController<Deployment>({
  name: 'deployment',
  kind: Deployment,
  triggers: [
    owned(ReplicaSet, Deployment as unknown as Kind<never>),
    orphaned(ReplicaSet, Deployment, ({ spec }) => fromLabelSelector(spec.selector)),
    podsOfRecreated(),
  ],
  async sync(ctx, object, _key, deps) {
    if (!object) return
    const { selector } = object.spec
    if (!selector.matchLabels && !selector.matchExpressions?.length) return await refuse(ctx, object, deps)
    const sets = await claimSets(ctx, object, deps)
    const view: View = { deployment: object, ...splitSets(object, sets), stored: object }
    if (object.metadata.deletionTimestamp) return await report(ctx, view, deps, countedStatus)
    await notePause(ctx, view, deps)
    if (object.spec.paused || isScalingEvent(view.deployment, sets)) return await scaleAll(ctx, view, deps)
    return await (isRolling(object) ? rollOn(ctx, view, deps) : recreate(ctx, view, deps))
  },
})

async function rollOn(ctx: Ctx, view: View, deps: ControllerDeps): Promise<SyncResult> {
  if (!(await ensureNewSet(ctx, view, deps))) return
  const step = planRolling(view.deployment, view.newSet!, view.oldSets)
  await scale(ctx, view, step, deps)
  if (step.length === 0) await cleanUp(ctx, view, deps)
  return await report(ctx, view, deps, rolloutStatus)
}

async function recreate(ctx: Ctx, view: View, deps: ControllerDeps): Promise<SyncResult> {
  if (view.newSet) await ensureNewSet(ctx, view, deps)
  const step = planEmptying(view.oldSets)
  await scale(ctx, view, step, deps)
  const pods = view.oldSets.flatMap((set) => deps.cache.list(Pod, { ownedBy: set }))
  if (step.length > 0 || oldPodsRunning(view.newSet, view.oldSets, pods)) {
    return await report(ctx, view, deps, rolloutStatus)
  }
  if (!(await ensureNewSet(ctx, view, deps))) return
  const replicas = view.deployment.spec.replicas ?? 1
  const set = view.newSet!
  if (sizeOf(set) !== replicas) await scale(ctx, view, [{ set, replicas }], deps)
  else await cleanUp(ctx, view, deps)
  return await report(ctx, view, deps, rolloutStatus)
}

/** Paused or just scaled: sizes follow the Deployment's, the rollout stands still. */
async function scaleAll(ctx: Ctx, view: View, deps: ControllerDeps): Promise<SyncResult> {
  if (view.newSet) await ensureNewSet(ctx, view, deps)
  await scale(ctx, view, planProportional(view.deployment, view.newSet, view.oldSets), deps)
  if (view.deployment.spec.paused) await removeOld(ctx, view, deps)
  return await report(ctx, view, deps, countedStatus)
}

async function claimSets(ctx: Ctx, object: AnyDeployment, { client, cache }: ControllerDeps): Promise<AnyReplicaSet[]> {
  const candidates = cache
    .list(ReplicaSet, { namespace: object.metadata.namespace })
    .filter((set) => !controllerOf(set) || isControlledBy(set, object))
  const claims = planClaims(object, fromLabelSelector(object.spec.selector), candidates)
  return await claim(ctx, client, { kind: Deployment, object }, ReplicaSet, claims)
}

/** Finds or creates the ReplicaSet of the current template and keeps its annotations. False: it cannot be there yet. */
async function ensureNewSet(ctx: Ctx, view: View, deps: ControllerDeps): Promise<boolean> {
  if (!view.newSet) return await createNewSet(ctx, view, deps)
  const set = view.newSet
  const annotations = newSetAnnotations(view.deployment, set, nextRevision(view.oldSets))
  const { minReadySeconds } = view.deployment.spec
  if (
    !semanticEqual(annotations, set.metadata.annotations ?? {}) ||
    (set.spec.minReadySeconds ?? 0) !== (minReadySeconds ?? 0)
  ) {
    view.newSet = await deps.client.update(ctx, ReplicaSet, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, minReadySeconds },
    })
  }
  noteRevision(view)
  const known = view.deployment.status?.conditions?.some((c) => c.type === 'Progressing')
  if (!known) note(view, progressing('True', 'FoundNewReplicaSet', `Found new replica set ${quoted(set)}`), deps)
  return true
}

async function createNewSet(ctx: Ctx, view: View, deps: ControllerDeps): Promise<boolean> {
  const { client, events } = deps
  const wanted = newSetFor(view.deployment, view.oldSets)
  const { name } = wanted.metadata
  try {
    view.newSet = await client.create(ctx, ReplicaSet, wanted)
  } catch (err) {
    if (isAlreadyExists(err)) return await resolveCollision(ctx, view, name, deps, err)
    // k8s: nothing can be created in a namespace that goes away; trying again would not help.
    if (isNamespaceTerminating(err)) return false
    const message = `Failed to create new replica set ${JSON.stringify(name)}: ${(err as Error).message}`
    note(view, progressing('False', 'ReplicaSetCreateError', message), deps)
    await writeStatus(ctx, view, view.deployment.status ?? {}, deps)
    events.event(view.deployment, 'Warning', 'ReplicaSetCreateError', message)
    throw err
  }
  const size = sizeOf(view.newSet)
  if (size > 0) {
    events.event(view.deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${size}`)
  }
  noteRevision(view)
  note(view, progressing('True', 'NewReplicaSetCreated', `Created new replica set ${quoted(view.newSet)}`), deps)
  return true
}

/** The name is taken: by our own set that the cache has not shown yet, or by another template with the same hash. */
async function resolveCollision(
  ctx: Ctx,
  view: View,
  name: string,
  deps: ControllerDeps,
  err: unknown,
): Promise<boolean> {
  const { deployment: owner } = view
  const existing = await deps.client.get(ctx, ReplicaSet, name, owner.metadata.namespace)
  const same = existing.spec.template && sameTemplate(existing.spec.template, owner.spec.template)
  if (isControlledBy(existing, owner) && same) {
    view.newSet = existing
    noteRevision(view)
    return true
  }
  const collisionCount = (owner.status?.collisionCount ?? 0) + 1
  await writeStatus(ctx, view, { ...owner.status, collisionCount }, deps)
  throw err
}

/** The Deployment carries the revision of its newest set. k8s: the annotation is written together with the status. */
function noteRevision(view: View): void {
  const revision = view.newSet?.metadata.annotations?.[REVISION]
  const { metadata } = view.deployment
  if (!revision || metadata.annotations?.[REVISION] === revision) return
  const annotations = { ...metadata.annotations, [REVISION]: revision }
  view.deployment = { ...view.deployment, metadata: { ...metadata, annotations } }
}

/** Puts a condition into the view's status; it is written with the rest of it. */
function note(view: View, condition: ReturnType<typeof progressing>, { clock }: ControllerDeps): void {
  const { status, spec } = view.deployment
  if (spec.progressDeadlineSeconds === undefined) return
  const conditions = withDeploymentCondition(status?.conditions, condition, clock.now())
  view.deployment = { ...view.deployment, status: { ...status, conditions } }
}

async function notePause(ctx: Ctx, view: View, deps: ControllerDeps): Promise<void> {
  const condition = pauseCondition(view.deployment)
  if (!condition) return
  note(view, condition, deps)
  await writeStatus(ctx, view, view.deployment.status ?? {}, deps)
}

/** Sets sizes and notes what they were decided on. */
async function scale(ctx: Ctx, view: View, scales: readonly Scale[], deps: ControllerDeps): Promise<void> {
  const annotated = sizeAnnotations(view.deployment)
  for (const { set, replicas } of scales) {
    const before = sizeOf(set)
    const annotations = { ...set.metadata.annotations, ...annotated }
    if (before === replicas && semanticEqual(annotations, set.metadata.annotations)) continue
    const updated = await deps.client.update(ctx, ReplicaSet, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas },
    })
    if (view.newSet === set) view.newSet = updated
    view.oldSets = view.oldSets.map((old) => (old === set ? updated : old))
    if (before === replicas) continue
    const direction = replicas > before ? 'up' : 'down'
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`
    deps.events.event(view.deployment, 'Normal', 'ScalingReplicaSet', message)
  }
}

async function cleanUp(ctx: Ctx, view: View, deps: ControllerDeps): Promise<void> {
  if (isComplete(view.deployment, view.deployment.status ?? {})) await removeOld(ctx, view, deps)
}

async function removeOld(ctx: Ctx, view: View, { client }: ControllerDeps): Promise<void> {
  for (const set of planCleanup(view.deployment, view.oldSets)) {
    const { name, namespace, uid, resourceVersion } = set.metadata
    try {
      await client.delete(ctx, ReplicaSet, { name, namespace }, { preconditions: { uid, resourceVersion } })
    } catch (err) {
      if (!isNotFound(err)) throw err
    }
    view.oldSets = view.oldSets.filter((old) => old !== set)
  }
}

async function report(ctx: Ctx, view: View, deps: ControllerDeps, statusOf: typeof rolloutStatus): Promise<SyncResult> {
  const all = view.newSet ? [...view.oldSets, view.newSet] : view.oldSets
  const status = statusOf(view.deployment, all, view.newSet, deps.clock.now())
  await writeStatus(ctx, view, status, deps)
  const againInMs = deadlineCheckInMs(view.deployment, status, deps.clock.now())
  return againInMs === undefined ? undefined : { againInMs }
}

async function writeStatus(
  ctx: Ctx,
  view: View,
  status: DeepReadonly<DeploymentStatus>,
  { client }: ControllerDeps,
): Promise<void> {
  const { annotations } = view.deployment.metadata
  if (semanticEqual(status, view.stored.status) && annotations === view.stored.metadata.annotations) return
  const wanted = { ...view.deployment, status }
  view.deployment = await client.update(ctx, Deployment, wanted, { subresource: 'status' })
  view.stored = view.deployment
}

/** k8s: a Deployment that selects everything does nothing but say so. */
async function refuse(ctx: Ctx, object: AnyDeployment, deps: ControllerDeps): Promise<void> {
  const message = 'This deployment is selecting all pods. A non-empty selector is required.'
  deps.events.event(object, 'Warning', 'SelectingAll', message)
  const { generation } = object.metadata
  if ((object.status?.observedGeneration ?? 0) >= (generation ?? 0)) return
  const view = { deployment: object, newSet: undefined, oldSets: [], stored: object }
  await writeStatus(ctx, view, { ...object.status, observedGeneration: generation }, deps)
}

/** The end of an old pod lets a Recreate rollout go on. */
function podsOfRecreated(): Trigger<never> {
  const trigger: Trigger<Pod> = {
    kind: Pod,
    keys(pod, _old, cache) {
      const { namespace } = pod.metadata
      const setRef = controllerOf(pod)
      const set = setRef?.kind === 'ReplicaSet' ? cache.get(ReplicaSet, setRef.name, namespace) : undefined
      const ref = set && controllerOf(set)
      const owner = ref?.kind === 'Deployment' ? cache.get(Deployment, ref.name, namespace) : undefined
      return owner && !isRolling(owner) ? [objectKey(owner)] : []
    },
  }
  return trigger as unknown as Trigger<never>
}

const quoted = (set: AnyReplicaSet) => JSON.stringify(set.metadata.name)
