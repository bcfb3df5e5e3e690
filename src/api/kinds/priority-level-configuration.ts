// PriorityLevelConfiguration: the share of the API server that a class of requests gets.
import { type FieldError, forbiddenField, required } from '../meta/errors.ts'
import type * as types from '../types/flowcontrol.v1.ts'
import { checkNonNegative, checkOneOf, checkRange } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type PriorityLevelConfiguration = types.PriorityLevelConfiguration

export const PriorityLevelConfiguration = defineKind<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  scope: 'Cluster',
  subresources: ['status'],
  description: 'The share of the API server that requests of one priority get.',
  columns: [
    text('Type', (p) => p.spec?.type ?? '', 'Whether it is limited.'),
    text(
      'NominalConcurrencyShares',
      ({ spec }) => String((spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? '<none>'),
      'Its share.',
    ),
    text(
      'Queues',
      ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.queues ?? '<none>'),
      'Number of queues.',
    ),
    text(
      'HandSize',
      ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.handSize ?? '<none>'),
      'Queues per flow.',
    ),
    text(
      'QueueLengthLimit',
      ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? '<none>'),
      'Most requests in a queue.',
    ),
    age(),
  ],
  default(p) {
    p.spec ??= {} as PriorityLevelConfiguration['spec']
    const { limited, exempt, type } = p.spec
    if (exempt || type === 'Exempt') {
      p.spec.exempt ??= {}
      p.spec.exempt.nominalConcurrencyShares ??= 0
      p.spec.exempt.lendablePercent ??= 0
    }
    if (!limited) return
    limited.nominalConcurrencyShares ??= 30
    limited.lendablePercent ??= 0
    limited.limitResponse ??= { type: 'Reject' }
    const queuing = limited.limitResponse.queuing
    if (!queuing) return
    queuing.queues ||= 64
    queuing.handSize ||= 8
    queuing.queueLengthLimit ||= 50
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkOneOf(errors, 'spec.type', spec.type, ['Exempt', 'Limited'])
    if (spec.type === 'Limited') {
      if (spec.exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'))
      if (!spec.limited) return [...errors, required('spec.limited', 'must not be empty when type is Limited')]
      checkNonNegative(errors, 'spec.limited.nominalConcurrencyShares', spec.limited.nominalConcurrencyShares)
      checkRange(errors, 'spec.limited.lendablePercent', spec.limited.lendablePercent, 0, 100)
      checkOneOf(errors, 'spec.limited.limitResponse.type', spec.limited.limitResponse?.type, ['Queue', 'Reject'])
    } else if (spec.type === 'Exempt' && spec.limited) {
      errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'))
    }
    return errors
  },
})
