// The CEL rules of a schema (x-kubernetes-validations). What compiles and runs them is loaded when the first schema with a rule appears;
// a schema's rules are compiled once.
import type { FieldError } from '../meta/errors.ts'
import { type Props, someProps } from './props.ts'

export interface SchemaRules {
  readonly errors: readonly FieldError[]
  validate(value: unknown, old: unknown, path: string): FieldError[]
}
export type CompileRules = (props: Props) => SchemaRules

let compile: CompileRules | undefined
const compiled = new WeakMap<Props, SchemaRules | null>()

export const hasRules = (props: Props | undefined): boolean =>
  someProps(props, (p) => (p['x-kubernetes-validations']?.length ?? 0) > 0)

/** Undefined when there is nothing to wait for. */
export function loadRules(): Promise<void> | undefined {
  return compile ? undefined : load()
}

async function load(): Promise<void> {}

/** The rules of a schema that has some; `loadRules` must have been awaited. */
export function rulesOf(props: Props): SchemaRules | undefined {
  let rules = compiled.get(props)
  if (rules === undefined) {
    rules = hasRules(props) ? (compile?.(props) ?? null) : null
    compiled.set(props, rules)
  }
  return rules ?? undefined
}
