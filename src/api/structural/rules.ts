// The CEL rules of a schema (x-kubernetes-validations). What compiles and runs them is loaded when the first schema with a rule appears;
// a schema's rules are compiled once.

import type { compileSchemaRules, SchemaRules } from '../cel/schema-rules.ts'
import type { FieldError } from '../meta/errors.ts'
import { type Props, someProps } from './props.ts'

let compile: typeof compileSchemaRules | undefined
const compiled = new WeakMap<Props, SchemaRules | null>()

export const hasRules = (props: Props | undefined): boolean =>
  someProps(props, (p) => (p['x-kubernetes-validations']?.length ?? 0) > 0)

/** Undefined when there is nothing to wait for. */
export function loadRules(): Promise<void> | undefined {
  return compile ? undefined : load()
}

async function load(): Promise<void> {
  compile = (await import('../cel/schema-rules.ts')).compileSchemaRules
}

/** The rules of a schema that has some; `loadRules` must have been awaited. */
export function rulesOf(props: Props): SchemaRules | undefined {
  let rules = compiled.get(props)
  if (rules === undefined) {
    rules = hasRules(props) ? (compile?.(props as Parameters<typeof compileSchemaRules>[0], '') ?? null) : null
    compiled.set(props, rules)
  }
  return rules ?? undefined
}

/** What is wrong with the rules themselves. @param path of the schema */
export function ruleErrors(props: Props, path: string): readonly FieldError[] {
  if (!hasRules(props)) return []
  return compile?.(props as Parameters<typeof compileSchemaRules>[0], path).errors ?? []
}

/** What the rules in a schema say of a default that it gives: as a new value, and as one that stays. k8s: both have to hold. */
export function defaultRuleErrors(props: Props, value: unknown, path: string): readonly FieldError[] {
  if (!compile || !hasRules(props)) return []
  const rules = compile(props as Parameters<typeof compileSchemaRules>[0], '', false)
  if (rules.errors.length > 0) return [] // they are told where they stand
  const fresh = rules.validate(value, undefined, path)
  return fresh.length > 0 ? fresh : rules.validate(value, value, path, () => {})
}
