// Rules at work: walks an object along its schema, evaluates each rule against the value (and the old one, where both can be brought
// together), within one budget for the whole object. k8s: what a write did not change only warns.
import { isDeepStrictEqual } from 'node:util'
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import type { JSONSchemaProps, ValidationRule } from '../types/apiextensions.v1.ts'
import type { Adapter } from './adapt.ts'
import type { CostBudget } from './budget.ts'
import type { CelProgram } from './cel.ts'
import { BUDGET_MESSAGE, CelCostError, CelError, COST_LIMIT_MESSAGE } from './errors.ts'
import { NONE, Optional } from './values.ts'

export interface CompiledRule {
  readonly rule: ValidationRule
  readonly program: CelProgram
  readonly message: CelProgram | undefined
  readonly usesOldSelf: boolean
  readonly adapt: Adapter
  /** Relative to the rule's place; empty: the place itself. */
  readonly fieldPath: string
}
export interface RuleNode {
  readonly schema: JSONSchemaProps
  readonly rules: readonly CompiledRule[]
  readonly properties: ReadonlyMap<string, RuleNode>
  readonly values: RuleNode | undefined
  readonly items: RuleNode | undefined
  readonly allOf: readonly RuleNode[]
}

const MAX_MESSAGE_BYTES = 5 * 1024

/** Ends the walk: the budget is used up. */
class Exhausted extends Error {}

/** A value beside its old one; where there is none, whether something above it stayed as it was. */
interface Correlation {
  readonly current: { readonly value: unknown; readonly old: unknown } | undefined
  readonly unchangedAbove: () => boolean
}
const unchanged = ({ current, unchangedAbove }: Correlation): boolean =>
  current ? isDeepStrictEqual(current.value, current.old) : unchangedAbove()

export function validateNode(
  node: RuleNode,
  value: unknown,
  old: unknown,
  path: string,
  budget: CostBudget,
  warn: (text: string) => void = () => {},
): FieldError[] {
  const walk = new Walk(budget, warn)
  const correlation: Correlation = {
    current: old === undefined || old === null ? undefined : { value, old },
    unchangedAbove: () => false,
  }
  try {
    walk.visit(node, value, old, path, correlation)
  } catch (err) {
    if (!(err instanceof Exhausted)) throw err
  }
  return walk.errors
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const own = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
const ruleText = ({ message, rule }: ValidationRule) => (message || rule).trim()

class Walk {
  readonly errors: FieldError[] = []
  readonly #budget: CostBudget
  readonly #warn: (text: string) => void

  constructor(budget: CostBudget, warn: (text: string) => void) {
    this.#budget = budget
    this.#warn = warn
  }

  visit(node: RuleNode, value: unknown, old: unknown, path: string, correlation: Correlation): void {
    if (value === undefined || value === null) return
    for (const rule of node.rules) this.#rule(rule, node, value, old ?? undefined, path, correlation)
    for (const part of node.allOf) {
      this.visit(part, value, old, path, { current: undefined, unchangedAbove: correlation.unchangedAbove })
    }
    if (Array.isArray(value)) this.#list(node, value, old, path, correlation)
    else if (isObject(value)) this.#object(node, value, old, path, correlation)
  }

  #object(node: RuleNode, value: Record<string, unknown>, old: unknown, path: string, correlation: Correlation): void {
    for (const [key, item] of Object.entries(value)) {
      const child = node.properties.get(key) ?? node.values
      if (!child) continue
      const previous = own(old, key)
      const at = node.properties.has(key) ? (path ? `${path}.${key}` : key) : `${path}[${key}]`
      const current = correlation.current && previous !== undefined ? { value: item, old: previous } : undefined
      this.visit(child, item, previous, at, { current, unchangedAbove: () => unchanged(correlation) })
    }
  }

  #list(node: RuleNode, value: unknown[], old: unknown, path: string, correlation: Correlation): void {
    if (!node.items) return
    const keys =
      node.schema['x-kubernetes-list-type'] === 'map' ? (node.schema['x-kubernetes-list-map-keys'] ?? []) : undefined
    const keyOf = (item: unknown) => JSON.stringify((keys ?? []).map((key) => own(item, key) ?? null))
    const byKey = keys && Array.isArray(old) ? new Map(old.map((item) => [keyOf(item), item as unknown])) : undefined
    for (const [i, item] of value.entries()) {
      const previous = byKey?.get(keyOf(item))
      const current = correlation.current && previous !== undefined ? { value: item, old: previous } : undefined
      this.visit(node.items, item, previous, `${path}[${i}]`, { current, unchangedAbove: () => unchanged(correlation) })
    }
  }

  #rule(
    compiled: CompiledRule,
    node: RuleNode,
    value: unknown,
    old: unknown,
    path: string,
    correlation: Correlation,
  ): void {
    const { rule, program, usesOldSelf, adapt } = compiled
    const type = node.schema.type ?? ''
    const at = path || '<nil>'
    // transition rules need something to compare with
    if (usesOldSelf && old === undefined && !rule.optionalOldSelf) return
    if (this.#budget.remaining <= 0) this.#stop(invalid(at, type, BUDGET_MESSAGE))
    const oldSelf = () => {
      if (!rule.optionalOldSelf) return adapt(old)
      return old === undefined ? NONE : new Optional(true, adapt(old))
    }
    const bindings = { self: value, oldSelf }
    let holds: unknown
    try {
      holds = program.evaluate(bindings, this.#budget)
    } catch (err) {
      this.#evaluationError(err, rule, type, at)
      return
    }
    if (holds === true) return
    const place = compiled.fieldPath ? (path ? `${path}.${compiled.fieldPath}` : compiled.fieldPath) : at
    const report = (error: FieldError) => {
      if (!usesOldSelf && unchanged(correlation)) this.#warn(`${error.field}: ${error.message}`)
      else this.errors.push(error)
    }
    const text = this.#message(compiled, bindings, type, place, report)
    report(failure(rule, place, type === 'object' || type === 'array' ? undefined : { value }, text))
  }

  #stop(error: FieldError): never {
    this.errors.push(error)
    throw new Exhausted()
  }

  #evaluationError(err: unknown, rule: ValidationRule, type: string, at: string): void {
    if (!(err instanceof CelError)) throw err
    const shown = err.message
    if (shown === BUDGET_MESSAGE) this.#stop(invalid(at, type, BUDGET_MESSAGE))
    if (shown.startsWith('no such overload')) {
      const why = 'call arguments did not match a supported operator, function or macro signature for rule'
      this.errors.push(invalid(at, type, `'${shown}': ${why}: ${ruleText(rule)}`))
    } else if (shown.startsWith(COST_LIMIT_MESSAGE)) {
      const why = 'no further validation rules will be run due to call cost exceeds limit for rule'
      this.#stop(invalid(at, type, `'${shown}': ${why}: ${ruleText(rule)}`))
    } else this.errors.push(invalid(at, type, `${shown} evaluating rule: ${ruleText(rule)}`))
  }

  #message(
    { rule, message }: CompiledRule,
    bindings: Record<string, unknown>,
    type: string,
    place: string,
    report: (error: FieldError) => void,
  ): string {
    const plain = rule.message ? rule.message.trim() : `failed rule: ${ruleText(rule)}`
    if (!message) return plain
    try {
      const text = String(message.evaluate(bindings, this.#budget)).trim()
      // k8s: a message that cannot be used is as good as none
      return text === '' || text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? plain : text
    } catch (err) {
      if (err instanceof CelCostError) {
        const why =
          err.message === BUDGET_MESSAGE
            ? 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run'
            : `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(message.source)}`
        report(invalid(place, type, why))
        throw new Exhausted()
      }
      if (err instanceof CelError) return plain
      throw err
    }
  }
}

/** `shown` is left out for objects and lists. */
function failure(
  rule: ValidationRule,
  field: string,
  shown: { value: unknown } | undefined,
  detail: string,
): FieldError {
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbiddenField(field, detail)
    case 'FieldValueRequired':
      return required(field, detail)
    case 'FieldValueDuplicate':
      return {
        type: 'FieldValueDuplicate',
        field,
        message: shown ? `Duplicate value: ${JSON.stringify(shown.value)}` : 'Duplicate value',
      }
    default:
      return shown
        ? invalid(field, shown.value, detail)
        : { type: 'FieldValueInvalid', field, message: `Invalid value: ${detail}` }
  }
}
