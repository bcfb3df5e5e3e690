// What the status of a definition has to say: which names it got, whether it is served, whether its schema is one that could be written
// today. Pure. k8s: types, reasons, sentences.
import { isConditionTrue, withCondition, withoutCondition } from '../../api/meta/conditions.ts'
import { invalid } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { structuralErrors } from '../../api/structural/structural-rules.ts'
import type {
  CustomResourceDefinitionCondition as Condition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames as Names,
} from '../../api/types/apiextensions.v1.ts'

type Definition = DeepReadonly<CustomResourceDefinition>
type Status = NonNullable<CustomResourceDefinition['status']>

/** @param others all other definitions of the same group */
export function plannedStatus(definition: Definition, others: readonly Definition[], nowMs: number): Status {
  const { spec, status } = definition
  const { names, problem } = acceptedNames(spec.names as Names, (status?.acceptedNames ?? {}) as Partial<Names>, others)
  let conditions = [...((status?.conditions ?? []) as Condition[])]
  const set = (type: string, value: 'True' | 'False', reason: string, message: string) => {
    conditions = withCondition<Condition>(conditions, { type, status: value, reason, message }, nowMs)
  }
  if (problem) set('NamesAccepted', 'False', problem.reason, problem.message)
  else set('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found')
  if (!isConditionTrue(conditions, 'Established')) {
    if (problem) set('Established', 'False', 'NotAccepted', 'not all names are accepted')
    else set('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted')
  }
  const violations = nonStructural(definition)
  if (violations) set('NonStructuralSchema', 'True', 'Violations', violations)
  else conditions = withoutCondition(conditions, 'NonStructuralSchema')
  return { ...(status as Status | undefined), acceptedNames: names, conditions }
}

interface Problem {
  reason: string
  message: string
}

function acceptedNames(asked: Names, accepted: Partial<Names>, others: readonly Definition[]) {
  const taken = others.map(({ status }) => status?.acceptedNames)
  const resources = new Set(taken.flatMap((n) => [n?.plural, n?.singular, ...(n?.shortNames ?? [])]))
  const kinds = new Set(taken.flatMap((n) => [n?.kind, n?.listKind]))
  const names: Names = { ...accepted, plural: accepted.plural ?? '', kind: accepted.kind ?? '' }
  let problem: Problem | undefined
  const free = (wanted: string | undefined, own: string | undefined, used: ReadonlySet<string | undefined>) =>
    wanted === own || wanted === undefined || !used.has(wanted)
  const refuse = (reason: string, name: string) => {
    problem = { reason, message: `${JSON.stringify(name)} is already in use` }
  }
  if (free(asked.plural, accepted.plural, resources)) names.plural = asked.plural
  else refuse('PluralConflict', asked.plural)
  if (free(asked.singular, accepted.singular, resources)) put(names, 'singular', asked.singular)
  else refuse('SingularConflict', asked.singular!)
  const clashing = (asked.shortNames ?? []).filter((name) => {
    return !accepted.shortNames?.includes(name) && !free(name, '', resources)
  })
  if (clashing.length === 0) put(names, 'shortNames', asked.shortNames)
  else {
    const message = clashing.map((name) => `${JSON.stringify(name)} is already in use`)
    problem = { reason: 'ShortNamesConflict', message: message.length > 1 ? `[${message.join(', ')}]` : message[0]! }
  }
  if (free(asked.kind, accepted.kind, kinds)) names.kind = asked.kind
  else refuse('KindConflict', asked.kind)
  if (free(asked.listKind, accepted.listKind, kinds)) put(names, 'listKind', asked.listKind)
  else refuse('ListKindConflict', asked.listKind!)
  put(names, 'categories', asked.categories)
  return { names, problem }
}

function put<K extends keyof Names>(names: Names, key: K, value: Names[K] | undefined): void {
  if (value === undefined) delete names[key]
  else names[key] = value
}

function nonStructural({ spec }: Definition): string | undefined {
  const errors = spec.versions.flatMap((version, i) => {
    const schema = version.schema?.openAPIV3Schema
    return schema ? structuralErrors(schema as never, `spec.versions[${i}].schema.openAPIV3Schema`) : []
  })
  if (spec.preserveUnknownFields) errors.unshift(invalid('spec.preserveUnknownFields', true, 'must be false'))
  if (errors.length === 0) return undefined
  const lines = errors.map(({ field, message }) => `${field}: ${message}`)
  return lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
}
