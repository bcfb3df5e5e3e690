// CEL for the expressions of configuration files: claims of tokens, users, and questions of access. Loaded by a server that has such files.
import { MATCH_CONDITIONS_BUDGET } from '../api/cel/budget.ts'
import { CostBudget, compile } from '../api/cel/cel.ts'
import { type CelType, DYN, listOf, mapOf, objectType, STRING } from '../api/cel/types.ts'
import type { CompileExpression } from './expression.ts'

const EXTRA = mapOf(STRING, listOf(STRING))
const SELECTOR = objectType('kubernetes.Selector', { rawSelector: STRING, requirements: listOf(mapOf(STRING, DYN)) })

/** What expressions may speak of. k8s: names and types are those of kube-apiserver's environments. */
const VARIABLES: Readonly<Record<string, CelType>> = {
  claims: mapOf(STRING, DYN),
  user: objectType('kubernetes.UserInfo', { username: STRING, uid: STRING, groups: listOf(STRING), extra: EXTRA }),
  request: objectType('kubernetes.SubjectAccessReviewSpec', {
    resourceAttributes: objectType('kubernetes.ResourceAttributes', {
      namespace: STRING,
      verb: STRING,
      group: STRING,
      version: STRING,
      resource: STRING,
      subresource: STRING,
      name: STRING,
      fieldSelector: SELECTOR,
      labelSelector: SELECTOR,
    }),
    nonResourceAttributes: objectType('kubernetes.NonResourceAttributes', { path: STRING, verb: STRING }),
    user: STRING,
    groups: listOf(STRING),
    extra: EXTRA,
    uid: STRING,
  }),
}

export const compileExpression: CompileExpression = (source, variables) => {
  const known = Object.fromEntries(variables.map((name) => [name, VARIABLES[name] ?? DYN]))
  const result = compile(source, { variables: known })
  if (!result.ok) throw new Error(result.message)
  return { evaluate: (bindings) => result.program.evaluate(bindings, new CostBudget(MATCH_CONDITIONS_BUDGET)) }
}
