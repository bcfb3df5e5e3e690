// FlowSchema: which requests to the API belong to which priority level.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/flowcontrol.v1.ts'
import { checkName } from './check.ts'
import { age, count, text } from './columns.ts'
import { checkFlowRule, MANDATORY_SCHEMAS, validateFlowStatus } from './flow-rules.ts'
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
    count('MatchingPrecedence', (f) => f.spec?.matchingPrecedence, 'The lowest of several that match wins.'),
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
  validate: schemaErrors,
  validateStatusUpdate: validateFlowStatus,
})

const MAX_PRECEDENCE = 10_000
const METHODS = ['ByNamespace', 'ByUser']

function schemaErrors({ metadata, spec }: DeepReadonly<types.FlowSchema>): FieldError[] {
  const errors: FieldError[] = []
  const precedence = spec.matchingPrecedence ?? 0
  const say = (why: string) => errors.push(invalid('spec.matchingPrecedence', precedence, why))
  if (precedence <= 0) say('must be a positive value')
  if (precedence > MAX_PRECEDENCE) say(`must not be greater than ${MAX_PRECEDENCE}`)
  if (precedence === 1 && metadata.name !== 'exempt') {
    say("only the schema named 'exempt' may have matchingPrecedence 1")
  }
  const { distinguisherMethod: method, priorityLevelConfiguration: level } = spec
  if (method && !METHODS.includes(method.type)) {
    // k8s: shown by the name of the server's own field
    errors.push(notSupported('spec.distinguisherMethod.type', { Type: method.type ?? '' }, METHODS))
  }
  const field = 'spec.priorityLevelConfiguration.name'
  if (!level?.name) errors.push(required(field, 'must reference a priority level'))
  else checkName(errors, field, level.name, dnsSubdomain)
  spec.rules?.forEach((rule, i) => {
    checkFlowRule(errors, `spec.rules[${i}]`, rule)
  })
  const fixed = Object.hasOwn(MANDATORY_SCHEMAS, metadata.name) ? MANDATORY_SCHEMAS[metadata.name] : undefined
  if (fixed && !semanticEqual(spec, fixed)) {
    errors.push(invalid('spec', spec, `spec of '${metadata.name}' must equal the fixed value`))
  }
  return errors
}
