// FlowSchema: which requests to the API belong to which priority level.
import { type FieldError, invalid } from '../meta/errors.ts'
import type * as types from '../types/flowcontrol.v1.ts'
import { checkOneOf, checkPresent } from './check.ts'
import { age, integer, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type FlowSchema = types.FlowSchema

export const FlowSchema = defineKind<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  scope: 'Cluster',
  subresources: ['status'],
  description: 'Assigns requests to the API to a priority level.',
  columns: [
    text('PriorityLevel', (f) => f.spec?.priorityLevelConfiguration?.name ?? '', 'The priority level.'),
    integer('MatchingPrecedence', (f) => f.spec?.matchingPrecedence, 'The lowest of several that match wins.'),
    text('DistinguisherMethod', (f) => f.spec?.distinguisherMethod?.type ?? '<none>', 'What tells flows apart.'),
    age(),
    text(
      'MissingPL',
      (f) => f.status?.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?',
      'Whether the priority level does not exist.',
    ),
  ],
  default(f) {
    f.spec ??= {} as FlowSchema['spec']
    f.spec.matchingPrecedence ||= 1000
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    const precedence = spec.matchingPrecedence ?? 0
    if (precedence <= 0) errors.push(invalid('spec.matchingPrecedence', precedence, 'must be a positive value'))
    if (precedence > 10000) {
      errors.push(invalid('spec.matchingPrecedence', precedence, 'must not be greater than 10000'))
    }
    if (spec.distinguisherMethod) {
      checkOneOf(errors, 'spec.distinguisherMethod', spec.distinguisherMethod.type, ['ByNamespace', 'ByUser'])
    }
    checkPresent(
      errors,
      'spec.priorityLevelConfiguration.name',
      spec.priorityLevelConfiguration?.name,
      'must reference a priority level',
    )
    spec.rules?.forEach((rule, i) => {
      checkPresent(errors, `spec.rules[${i}].subjects`, rule.subjects, 'subjects must contain at least one value')
      if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
        errors.push(
          invalid(`spec.rules[${i}]`, rule, 'at least one of resourceRules and nonResourceRules has to be non-empty'),
        )
      }
    })
    return errors
  },
})
