// PriorityLevelConfiguration: the share of the API server that a class of requests gets.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/flowcontrol.v1.ts'
import { age, text } from './columns.ts'
import { CATCH_ALL_LEVEL, validateFlowStatus } from './flow-rules.ts'
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
  validate: levelErrors,
  validateStatusUpdate: validateFlowStatus,
})

type Level = DeepReadonly<types.PriorityLevelConfiguration>

const MAX_QUEUES = 10_000_000
/** As many bits as the hash of a flow has for dealing out queues. */
const MAX_HASH_BITS = 60

function levelErrors({ metadata, spec }: Level): FieldError[] {
  const errors: FieldError[] = []
  const { type = '', limited, exempt } = spec
  if ((metadata.name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalid('spec.type', type, "type must be 'Exempt' if and only if `name` is 'exempt'"))
  }
  if (type === 'Exempt') {
    if (limited) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'))
    if (exempt) checkShares(errors, 'spec.exempt', exempt)
  } else if (type === 'Limited') {
    if (exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'))
    if (!limited) errors.push(required('spec.limited', 'must not be empty when type is Limited'))
    else checkLimited(errors, limited)
  } else errors.push(notSupported('spec.type', type, ['Exempt', 'Limited']))
  const { exempt: _, ...others } = spec
  if (metadata.name === 'exempt' && !semanticEqual(others, { type: 'Exempt' })) {
    const why = "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"
    errors.push(invalid('spec', spec, why))
  }
  if (metadata.name === 'catch-all' && !semanticEqual(spec, CATCH_ALL_LEVEL)) {
    errors.push(invalid('spec', spec, "spec of 'catch-all' must equal the fixed value"))
  }
  return errors
}

function checkShares(
  errors: FieldError[],
  at: string,
  {
    nominalConcurrencyShares: shares = 0,
    lendablePercent: percent = 0,
  }: Readonly<types.ExemptPriorityLevelConfiguration>,
): void {
  if (shares < 0) errors.push(invalid(`${at}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'))
  checkPercent(errors, `${at}.lendablePercent`, percent)
}

function checkPercent(errors: FieldError[], field: string, percent: number): void {
  if (percent < 0 || percent > 100) errors.push(invalid(field, percent, 'must be between 0 and 100, inclusive'))
}

function checkLimited(errors: FieldError[], limited: DeepReadonly<types.LimitedPriorityLevelConfiguration>): void {
  const { nominalConcurrencyShares: shares = 0, lendablePercent = 0, borrowingLimitPercent: borrowed } = limited
  const { type = '', queuing } = limited.limitResponse ?? {}
  const at = 'spec.limited.limitResponse'
  if (shares < 0) {
    errors.push(invalid('spec.limited.nominalConcurrencyShares', shares, 'must be a non-negative integer'))
  }
  if (type === 'Reject') {
    // k8s: the sentences name another type
    if (queuing) {
      errors.push(forbiddenField(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'))
    }
  } else if (type === 'Queue') {
    if (queuing) checkQueuing(errors, `${at}.queuing`, queuing)
    else errors.push(required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'))
  } else errors.push(notSupported(`${at}.type`, type, ['Queue', 'Reject']))
  checkPercent(errors, 'spec.limited.lendablePercent', lendablePercent)
  if (borrowed !== undefined && borrowed < 0) {
    const why = 'if specified, must be a non-negative integer'
    errors.push(invalid('spec.limited.borrowingLimitPercent', borrowed, why))
  }
}

function checkQueuing(
  errors: FieldError[],
  at: string,
  { queues = 0, handSize = 0, queueLengthLimit = 0 }: Readonly<types.QueuingConfiguration>,
): void {
  const say = (key: string, value: number, why: string) => errors.push(invalid(`${at}.${key}`, value, why))
  if (queueLengthLimit <= 0) say('queueLengthLimit', queueLengthLimit, 'must be positive')
  if (queues <= 0) say('queues', queues, 'must be positive')
  else if (queues > MAX_QUEUES) say('queues', queues, `must not be greater than ${MAX_QUEUES}`)
  if (handSize <= 0) say('handSize', handSize, 'must be positive')
  else if (handSize > queues) say('handSize', handSize, `should not be greater than queues (${queues})`)
  else if (entropyBits(queues, handSize) > MAX_HASH_BITS) {
    const why = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_HASH_BITS}`
    say('handSize', handSize, why)
  }
}

/** For dealing `hand` of `deck` queues. */
function entropyBits(deck: number, hand: number): number {
  let bits = 0
  for (let i = 0; i < hand && bits <= MAX_HASH_BITS; i++) bits += Math.log2(deck - i)
  return Math.ceil(bits)
}
