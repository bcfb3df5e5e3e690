// PriorityClass: how much pods matter in comparison.
import { type FieldError, forbiddenField, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/scheduling.v1.ts'
import { checkImmutable } from './check.ts'
import { age, integer, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type PriorityClass = types.PriorityClass

const HIGHEST_USER = 1000000000
const SYSTEM: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2000000000,
  'system-node-critical': 2000001000,
}

export const PriorityClass = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  scope: 'Cluster',
  shortNames: ['pc'],
  description: 'Gives pods of this class a priority over others.',
  columns: [
    integer('Value', (c) => c.value, 'The priority.'),
    {
      ...text<PriorityClass>(
        'Global-Default',
        (c) => String(c.globalDefault ?? false),
        'Whether it is for pods that name no class.',
      ),
      type: 'boolean',
    },
    age(),
    text('PreemptionPolicy', (c) => c.preemptionPolicy ?? '<unset>', 'Whether its pods push others out.'),
  ],
  default(c) {
    c.preemptionPolicy ||= 'PreemptLowerPriority'
    c.value ??= 0
  },
  prepareForCreate(c) {
    c.metadata.generation = 1
  },
  validate(c) {
    const errors: FieldError[] = []
    const { preemptionPolicy: policy } = c
    if (c.metadata.name?.startsWith('system-')) {
      const problem = systemProblem(c)
      if (problem) {
        const why = "priority class names with 'system-' prefix are reserved for system use only. error: "
        errors.push(forbiddenField('metadata.name', why + problem))
      }
    } else if ((c.value ?? 0) > HIGHEST_USER) {
      errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER}`))
    }
    if (!policy) errors.push(required('preemptionPolicy'))
    else if (!POLICIES.includes(policy)) errors.push(notSupported('preemptionPolicy', policy, POLICIES))
    return errors
  },
  validateChange(c, old) {
    const errors: FieldError[] = []
    if (c.value !== old.value) errors.push(forbiddenField('value', 'may not be changed in an update.'))
    checkImmutable(errors, 'preemptionPolicy', c.preemptionPolicy, old.preemptionPolicy)
    return errors
  },
})

const POLICIES = ['PreemptLowerPriority', 'Never']

function systemProblem({ metadata, value, globalDefault }: DeepReadonly<types.PriorityClass>): string | undefined {
  const wanted = SYSTEM[metadata.name]
  if (wanted === undefined) return `${metadata.name} is not a known system priority class`
  if (value !== wanted) return `value of ${metadata.name} PriorityClass must be ${wanted}`
  return globalDefault ? `globalDefault of ${metadata.name} PriorityClass must be false` : undefined
}
