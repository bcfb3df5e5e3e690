// PriorityClass: how much pods matter in comparison.
import { type FieldError, forbiddenField, invalid } from '../meta/errors.ts'
import type * as types from '../types/scheduling.v1.ts'
import { checkImmutable, checkOneOf } from './check.ts'
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
  validate(c) {
    const errors: FieldError[] = []
    const system = SYSTEM[c.metadata.name]
    if (c.metadata.name?.startsWith('system-')) {
      if (system !== c.value) {
        errors.push(
          forbiddenField(
            'metadata.name',
            "priority class names with 'system-' prefix are reserved for system use only. error: " +
              (system === undefined
                ? `${c.metadata.name} is not a known system priority class`
                : `value of ${c.metadata.name} PriorityClass must be ${system}`),
          ),
        )
      }
    } else if ((c.value ?? 0) > HIGHEST_USER) {
      errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER}`))
    }
    checkOneOf(errors, 'preemptionPolicy', c.preemptionPolicy, ['Never', 'PreemptLowerPriority'])
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    if (c.value !== old.value) errors.push(forbiddenField('value', 'may not be changed in an update.'))
    checkImmutable(errors, 'preemptionPolicy', c.preemptionPolicy, old.preemptionPolicy)
    if (c.metadata.name !== old.metadata.name)
      errors.push(invalid('metadata.name', c.metadata.name, 'field is immutable'))
    return errors
  },
})
