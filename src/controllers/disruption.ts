// Says in the status of PodDisruptionBudgets how many of their pods may be evicted now. The eviction subresource counts down from it
// and notes whom it evicted; here the notes are dropped when the pods have gone, or when they have not gone for too long.
import { Pod } from '../api/kinds/pod.ts'
import { PodDisruptionBudget } from '../api/kinds/pod-disruption-budget.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import { formatLabelSelector, selects } from '../api/meta/label-selector.ts'
import { type DeepReadonly, objectKey } from '../api/meta/object.ts'
import type { Ctx } from '../base/ctx.ts'
import { type ControllerDeps, defineController, type Trigger } from './controller.ts'
import { type ExpectedScale, expectedScale, OWNERS } from './disruption/expected-scale.ts'
import { budgetStatus, failedStatus, needsScale } from './disruption/status.ts'

type Budget = DeepReadonly<PodDisruptionBudget>

export const disruption = defineController<PodDisruptionBudget>({
  name: 'disruption',
  kind: PodDisruptionBudget,
  triggers: [budgetsOfPods()],
  reads: OWNERS as never,
  async sync(ctx, budget, _key, deps) {
    if (!budget) return
    const { cache, clock, events } = deps
    const { namespace = '' } = budget.metadata
    const pods = cache.list(Pod, { namespace }).filter((pod) => selects(budget.spec?.selector, pod.metadata.labels))
    if (pods.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found')
    let expected: ExpectedScale = { scale: 0, unmanaged: [] }
    try {
      if (needsScale(budget)) expected = await expectedScale(ctx, pods, deps)
    } catch (err) {
      if (ctx.signal.aborted) throw err
      const why = `Failed to calculate the number of expected pods: ${(err as Error).message}`
      events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', why)
      await post(ctx, budget, failedStatus(budget, (err as Error).message, clock.now()), deps)
      return
    }
    if (expected.unmanaged.length > 0) {
      const selector = formatLabelSelector(budget.spec?.selector)
      const why = `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`
      events.event(budget, 'Warning', 'UnmanagedPods', why)
    }
    const { status, notDeleted, againInMs } = budgetStatus(budget, pods, expected.scale, clock.now())
    for (const name of notDeleted) {
      const pod = pods.find(({ metadata }) => metadata.name === name)!
      const why = `Pod was expected by PDB ${objectKey(budget)} to be deleted but it wasn't`
      events.event(pod, 'Warning', 'NotDeleted', why)
    }
    await post(ctx, budget, status, deps)
    return againInMs === undefined ? undefined : { againInMs }
  },
})

/** With the resourceVersion that it was decided on: an eviction meanwhile makes it a conflict, and it is decided anew. */
async function post(ctx: Ctx, budget: Budget, status: PodDisruptionBudget['status'], { client }: ControllerDeps) {
  if (semanticEqual(budget.status, status)) return
  await client.update(ctx, PodDisruptionBudget, { ...budget, status } as Budget, { subresource: 'status' })
}

/** A pod concerns every budget that selects it, or that selected it before. */
function budgetsOfPods(): Trigger<never> {
  const trigger: Trigger<Pod> = {
    kind: Pod,
    keys(pod, old, cache) {
      const { namespace = '' } = pod.metadata
      return cache
        .list(PodDisruptionBudget, { namespace })
        .filter(({ spec }) => [pod, old].some((one) => one && selects(spec?.selector, one.metadata.labels)))
        .map(objectKey)
    },
  }
  return trigger as unknown as Trigger<never>
}
