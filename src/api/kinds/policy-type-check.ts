// A validating policy's expressions, checked once more against the types of the kinds that it matches: what is wrong with them is a
// warning in its status, and no more than that. Loaded with the first policy.
import { type CelEnvironment, compile } from '../cel/cel.ts'
import { policyVariables } from '../cel/policy-environment.ts'
import { type CelType, DYN, type ObjectField, type ObjectType } from '../cel/types.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { ExpressionWarning, ValidatingAdmissionPolicy } from '../types/admissionregistration.v1.ts'

type Policy = DeepReadonly<ValidatingAdmissionPolicy>

export interface CheckedKind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly type: CelType
}
/** Kinds as the cluster knows them at this moment. */
export interface KnownKinds {
  byResource(group: string, version: string, plural: string): Promise<CheckedKind | undefined>
  byKind(apiVersion: string, kind: string): Promise<CheckedKind | undefined>
}

const MOST_KINDS = 10

export async function expressionWarnings(policy: Policy, kinds: KnownKinds): Promise<ExpressionWarning[]> {
  const { paramKind } = policy.spec
  const params = paramKind && (await kinds.byKind(paramKind.apiVersion ?? '', paramKind.kind ?? ''))?.type
  const matched = await matchedKinds(policy, kinds)
  const checked = matched.map((kind) => ({ kind, check: checker(policy, kind.type, params) }))
  const warnings: ExpressionWarning[] = []
  const look = (fieldRef: string, expression: string) => {
    const found = checked.flatMap(({ kind, check }) => {
      const why = check(expression)
      return why ? [`${kind.group}/${kind.version}, Kind=${kind.kind}: ${why}\n`] : []
    })
    if (found.length > 0) warnings.push({ fieldRef, warning: found.join('\n') })
  }
  policy.spec.validations?.forEach(({ expression, messageExpression }, i) => {
    look(`spec.validations[${i}].expression`, expression)
    if (messageExpression) look(`spec.validations[${i}].messageExpression`, messageExpression)
  })
  return warnings
}

/** k8s: only rules that name everything count, subresources don't, and no more than ten kinds are looked at. */
async function matchedKinds({ spec }: Policy, kinds: KnownKinds): Promise<CheckedKind[]> {
  const found = new Map<string, CheckedKind>()
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec.matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((name) => name.includes('*'))) continue
    const named = resources.filter((name) => !/[*/]/.test(name)).sort()
    for (const group of [...apiGroups].sort()) {
      for (const version of [...apiVersions].sort()) {
        for (const resource of named) {
          const kind = await kinds.byResource(group, version, resource)
          if (kind && found.size < MOST_KINDS) found.set(`${group} ${version} ${kind.kind}`, kind)
        }
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind)
}

/** Why an expression does not fit the kind; undefined when it does. */
function checker(
  { spec }: Policy,
  type: CelType,
  params: CelType | undefined,
): (expression: string) => string | undefined {
  const fields = new Map<string, ObjectField>()
  const own: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: () => fields }
  const variables: CelEnvironment['variables'] = {
    ...policyVariables(spec.paramKind !== undefined, own),
    object: type,
    oldObject: type,
    ...(params ? { params } : {}),
  }
  for (const { name, expression } of spec.variables ?? []) {
    const result = compile(expression, { variables })
    fields.set(name, { name, jsonName: name, type: result.ok ? result.program.outputType : DYN })
  }
  return (expression) => {
    const result = compile(expression, { variables })
    return result.ok ? undefined : result.message
  }
}
