// Puts the default roles and bindings into the store at the server's start: what is missing is made, permissions and subjects that
// a default has gained are added, what people added is kept. Objects whose autoupdate annotation says "false" are left alone. A
// store that has them all is not written to.
import { ClusterRole } from '../../api/kinds/cluster-role.ts'
import { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import { Role } from '../../api/kinds/role.ts'
import { RoleBinding } from '../../api/kinds/role-binding.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type { PolicyRule, RoleRef, Subject } from '../../api/types/rbac.v1.ts'
import type { Clock } from '../../base/clock.ts'
import { keyOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import { defaultRbacObjects } from './default-roles.ts'
import { aggregatedRules } from './role-index.ts'
import { uncovered } from './rules.ts'

const KINDS = [ClusterRole, ClusterRoleBinding, Role, RoleBinding]
const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

type RbacObject = KubeObject & {
  rules?: PolicyRule[]
  aggregationRule?: ClusterRole['aggregationRule']
  subjects?: Subject[]
  roleRef?: RoleRef
}

/** Resolves to how many objects were written. */
export async function ensureDefaultRoles(store: Store, clock: Clock, newUid: () => string): Promise<number> {
  const defaults = withAggregatedRules(defaultRbacObjects() as RbacObject[])
  const written = await Promise.all(defaults.map((wanted) => ensure(store, wanted, clock, newUid)))
  return written.filter(Boolean).length
}

async function ensure(store: Store, wanted: RbacObject, clock: Clock, newUid: () => string): Promise<boolean> {
  const kind = KINDS.find((known) => known.kind === wanted.kind)!
  const key = keyOf(kind, wanted.metadata.namespace, wanted.metadata.name!)
  for (;;) {
    const current = await store.get(key)
    const object = current ? reconciled(current.object as RbacObject, wanted) : created(wanted, clock, newUid)
    if (!object) return false
    const result = await store.write({ key, expect: current?.revision ?? 0, object })
    if (result.ok) return true
  }
}

const created = (wanted: RbacObject, clock: Clock, newUid: () => string): RbacObject => ({
  ...wanted,
  metadata: { ...wanted.metadata, uid: newUid(), creationTimestamp: formatTime(clock.now()) },
})

/** `current` with what the default has and it lacks; undefined when it lacks nothing. */
export function reconciled(current: DeepReadonly<RbacObject>, wanted: RbacObject): RbacObject | undefined {
  if (current.metadata.annotations?.[AUTOUPDATE] === 'false') return undefined
  const next = structuredClone(current) as RbacObject
  let changed = false
  const gain = <T>(missing: readonly T[], apply: (missing: T[]) => void) => {
    if (missing.length === 0) return
    apply([...missing])
    changed = true
  }
  // A binding's role can't be changed; one that names another role is replaced as a whole.
  if (
    wanted.roleRef &&
    (current.roleRef?.name !== wanted.roleRef.name || current.roleRef.kind !== wanted.roleRef.kind)
  ) {
    next.roleRef = wanted.roleRef
    next.subjects = []
    changed = true
  }
  if (wanted.subjects) {
    const same = (a: DeepReadonly<Subject>, b: DeepReadonly<Subject>) =>
      a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '')
    const missing = wanted.subjects.filter((subject) => !next.subjects?.some((own) => same(own, subject)))
    gain(missing, (subjects) => {
      next.subjects = [...(next.subjects ?? []), ...subjects]
    })
  }
  if (wanted.aggregationRule) {
    const own = (next.aggregationRule?.clusterRoleSelectors ?? []).map((selector) => JSON.stringify(selector))
    const selectors = wanted.aggregationRule.clusterRoleSelectors ?? []
    gain(
      selectors.filter((selector) => !own.includes(JSON.stringify(selector))),
      (missing) => {
        next.aggregationRule = {
          clusterRoleSelectors: [...(next.aggregationRule?.clusterRoleSelectors ?? []), ...missing],
        }
      },
    )
  } else if (wanted.rules) {
    gain(uncovered(current.rules ?? [], wanted.rules), (missing) => {
      next.rules = [...(next.rules ?? []), ...(missing as PolicyRule[])]
    })
  }
  for (const field of ['labels', 'annotations'] as const) {
    const own: Record<string, string> = { ...next.metadata[field] }
    const missing = Object.entries(wanted.metadata[field] ?? {}).filter(([name]) => !(name in own))
    gain(missing, (entries) => {
      next.metadata = { ...next.metadata, [field]: { ...own, ...Object.fromEntries(entries) } }
    })
  }
  return changed ? next : undefined
}

/** admin, edit and view show what they are made of from the start. */
function withAggregatedRules(objects: RbacObject[]): RbacObject[] {
  const roles = objects.filter((object) => object.kind === 'ClusterRole') as ClusterRole[]
  return objects.map((object) =>
    object.aggregationRule
      ? { ...object, rules: aggregatedRules(object as ClusterRole, roles) as PolicyRule[] }
      : object,
  )
}
