// Validation rules in schemas (`x-kubernetes-validations`): whether a custom resource definition's rules are good (they compile, they do
// not cost too much), and whether an object keeps them. Rules are compiled when they are first needed.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import type { JSONSchemaProps, ValidationRule } from '../types/apiextensions.v1.ts'
import { adapterOf } from './adapt.ts'
import {
  CostBudget,
  MAX_REQUEST_BYTES,
  RUNTIME_BUDGET,
  STATIC_ESTIMATED_COST_LIMIT,
  STATIC_ESTIMATED_CRD_COST_LIMIT,
} from './budget.ts'
import { type CelProgram, compile } from './cel.ts'
import { relativeFieldPath } from './field-path.ts'
import { MAX_COST, type SizeHint } from './ranges.ts'
import { type CompiledRule, type RuleNode, validateNode } from './rule-evaluation.ts'
import { subSchema, typeOfSchema } from './schema-types.ts'
import { type CelType, optionalOf } from './types.ts'

export interface SchemaRules {
  /** False: `validate` has nothing to do. */
  readonly present: boolean
  /** What is wrong with the rules themselves. */
  readonly errors: readonly FieldError[]
  /** `old`: the stored object, undefined on create. Errors about what did not change are warnings, told to `warn`. */
  validate(value: unknown, old: unknown, path: string, warn?: (text: string) => void): FieldError[]
}

const NONE: SchemaRules = { present: false, errors: [], validate: () => [] }

/** `path`: of the schema, for `errors`. `root`: the schema is that of a whole resource. */
export function compileSchemaRules(schema: JSONSchemaProps, path: string, root = true): SchemaRules {
  if (!hasRules(schema)) return NONE
  let built: { node: RuleNode | undefined; errors: FieldError[] } | undefined
  const build = () => {
    if (!built) {
      const builder = new RulesBuilder()
      const node = builder.node(schema, schema, {
        path,
        root,
        type: typeOfSchema(schema, root),
        cardinality: 1,
        uncorrelatable: undefined,
      })
      built = { node, errors: builder.finish(path) }
    }
    return built
  }
  return {
    present: true,
    get errors() {
      return build().errors
    },
    validate(value, old, at, warn) {
      const { node } = build()
      return node ? validateNode(node, value, old, at, new CostBudget(RUNTIME_BUDGET), warn) : []
    },
  }
}

export function hasRules(schema: JSONSchemaProps): boolean {
  if (schema['x-kubernetes-validations']?.length) return true
  const parts = [subSchema(schema.items), subSchema(schema.additionalProperties), ...(schema.allOf ?? [])]
  return parts.some((part) => part && hasRules(part)) || Object.values(schema.properties ?? {}).some(hasRules)
}

interface Place {
  readonly path: string
  readonly root: boolean
  readonly type: CelType | undefined
  /** How often the value may occur in an object; undefined: no bound is known. */
  readonly cardinality: number | undefined
  /** The place above at which old and new values cannot be brought together. */
  readonly uncorrelatable: string | undefined
}
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const multiplied = (a: number, b: number) => Math.min(a * b, MAX_COST)

class RulesBuilder {
  readonly #errors: FieldError[] = []
  readonly #expensive: { path: string; cost: number }[] = []
  #total = 0

  finish(path: string): FieldError[] {
    if (this.#total <= STATIC_ESTIMATED_CRD_COST_LIMIT) return this.#errors
    const worst = this.#expensive.sort((a, b) => b.cost - a.cost).slice(0, 4)
    return [
      ...this.#errors,
      ...worst.map((rule) =>
        forbiddenField(
          rule.path,
          'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
        ),
      ),
      forbiddenField(
        path,
        tooExpensive(
          'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema',
          this.#total,
          STATIC_ESTIMATED_CRD_COST_LIMIT,
        ),
      ),
    ]
  }

  /** `rules` carries the rules (an `allOf` part may), `schema` the types. */
  node(rules: JSONSchemaProps, schema: JSONSchemaProps, place: Place): RuleNode | undefined {
    const { path, type } = place
    const properties = new Map<string, RuleNode>()
    const cardinality = this.#childCardinality(schema, place.cardinality)
    const uncorrelatable = place.uncorrelatable
    const below = (
      part: JSONSchemaProps,
      partSchema: JSONSchemaProps,
      at: string,
      partType: CelType | undefined,
      keeps = true,
    ) =>
      this.node(part, partSchema, {
        path: at,
        root: partSchema['x-kubernetes-embedded-resource'] === true,
        type: partType ?? typeOfSchema(partSchema, partSchema['x-kubernetes-embedded-resource'] === true),
        cardinality,
        uncorrelatable: uncorrelatable ?? (keeps ? undefined : path),
      })
    for (const [name, part] of Object.entries(rules.properties ?? {})) {
      const property = schema.properties?.[name]
      if (!property) continue
      const field = type?.kind === 'object' ? [...type.fields().values()].find((f) => f.jsonName === name) : undefined
      const child = below(part, property, `${path}.properties[${name}]`, field?.type)
      if (child) properties.set(name, child)
    }
    const [items, itemSchema] = [subSchema(rules.items), subSchema(schema.items)]
    const byKey = schema['x-kubernetes-list-type'] === 'map'
    const elem = type?.kind === 'list' ? type.elem : undefined
    const values = [subSchema(rules.additionalProperties), subSchema(schema.additionalProperties)] as const
    const valueType = type?.kind === 'map' ? type.value : undefined
    const made: RuleNode = {
      schema,
      rules: this.#rules(rules['x-kubernetes-validations'] ?? [], schema, place),
      properties,
      values: values[0] && values[1] && below(values[0], values[1], `${path}.additionalProperties`, valueType),
      items: items && itemSchema && below(items, itemSchema, `${path}.items`, elem, byKey),
      allOf: (rules.allOf ?? []).flatMap((part, i) => {
        const child = hasRules(part) ? this.node(part, schema, { ...place, path: `${path}.allOf[${i}]` }) : undefined
        return child ? [child] : []
      }),
    }
    const needed = made.rules.length > 0 || properties.size > 0 || made.values || made.items || made.allOf.length > 0
    return needed ? made : undefined
  }

  #childCardinality(schema: JSONSchemaProps, own: number | undefined): number | undefined {
    if (own === undefined) return undefined
    const most =
      schema.type === 'array'
        ? schema.maxItems
        : schema.type === 'object' && schema.additionalProperties
          ? schema.maxProperties
          : 1
    return most === undefined ? undefined : multiplied(own, Math.max(0, most))
  }

  #rules(rules: readonly ValidationRule[], schema: JSONSchemaProps, place: Place): CompiledRule[] {
    if (rules.length === 0) return []
    const at = `${place.path}.x-kubernetes-validations`
    const before = this.#errors.length
    for (const [i, rule] of rules.entries()) this.#errors.push(...shapeErrors(rule, schema, `${at}[${i}]`))
    if (this.#errors.length > before) return []
    const { type } = place
    if (!type) {
      this.#errors.push(invalid(at, null, 'failed to convert to declType for CEL validation rules'))
      return []
    }
    return rules.flatMap((rule, i) => this.#rule(rule, schema, place, type, `${at}[${i}]`) ?? [])
  }

  #rule(
    rule: ValidationRule,
    schema: JSONSchemaProps,
    place: Place,
    type: CelType,
    at: string,
  ): CompiledRule | undefined {
    const errors = this.#errors
    const env = { variables: { self: type, oldSelf: rule.optionalOldSelf ? optionalOf(type) : type } }
    const fail = (field: string, why: string) => {
      errors.push({
        type: 'FieldValueInvalid',
        field: `${at}.${field}`,
        message: `Invalid value: ${shownRule(rule)}: ${why}`,
      })
      return undefined
    }
    const compiled = compile(rule.rule, env)
    if (!compiled.ok) return fail('rule', compiled.message)
    const { program } = compiled
    if (program.outputType.kind !== 'bool') return fail('rule', 'cel expression must evaluate to a bool')
    const hint = sizesOf(type)
    const times = place.cardinality ?? Math.floor(MAX_REQUEST_BYTES / ((type.minSize ?? 0) + 1))
    this.#observe('estimated rule cost', `${at}.rule`, multiplied(program.estimateCost(hint).max, times))
    const message = rule.messageExpression ? this.#message(rule.messageExpression, env, fail) : undefined
    if (message)
      this.#observe('estimated messageExpression cost', `${at}.messageExpression`, message.estimateCost(hint).max)
    const usesOldSelf = program.uses('oldSelf')
    if (usesOldSelf && place.uncorrelatable !== undefined) {
      errors.push(
        invalid(
          `${at}.rule`,
          rule.rule,
          `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`,
        ),
      )
    } else if (!usesOldSelf && rule.optionalOldSelf !== undefined) {
      errors.push(
        invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
      )
    }
    return {
      rule,
      program,
      message,
      usesOldSelf,
      adapt: adapterOf(type) ?? ((value) => value),
      fieldPath: rule.fieldPath ? (relativeFieldPath(rule.fieldPath, schema) ?? '') : '',
    }
  }

  #message(
    source: string,
    env: { variables: Record<string, CelType> },
    fail: (field: string, why: string) => undefined,
  ): CelProgram | undefined {
    const compiled = compile(source, env)
    if (!compiled.ok) return fail('messageExpression', `messageExpression ${compiled.message.replace(/^program /, '')}`)
    if (compiled.program.outputType.kind === 'string') return compiled.program
    return fail('messageExpression', 'messageExpression must evaluate to a string')
  }

  #observe(what: string, path: string, cost: number): void {
    if (cost > STATIC_ESTIMATED_COST_LIMIT) {
      this.#errors.push(forbiddenField(path, tooExpensive(what, cost, STATIC_ESTIMATED_COST_LIMIT)))
    }
    this.#total = Math.min(this.#total + cost, MAX_COST)
    if (cost >= STATIC_ESTIMATED_CRD_COST_LIMIT / 100) this.#expensive.push({ path, cost })
  }
}

function tooExpensive(what: string, cost: number, limit: number): string {
  const factor = cost / limit
  const shown = factor > 100 ? 'more than 100x' : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}

/** As the reference shows a rule: all of its fields. */
function shownRule(rule: ValidationRule): string {
  return JSON.stringify({
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  }).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
}

const LINE_BREAK = /[\n\r]/
function shapeErrors(rule: ValidationRule, schema: JSONSchemaProps, at: string): FieldError[] {
  const errors: FieldError[] = []
  const text = rule.rule?.trim() ?? ''
  const message = rule.message?.trim() ?? ''
  if (text === '') errors.push(required(`${at}.rule`, 'rule is not specified'))
  else if (rule.message && message === '') {
    errors.push(invalid(`${at}.message`, rule.message, 'must be non-empty if specified'))
  } else if (LINE_BREAK.test(message)) {
    errors.push(invalid(`${at}.message`, rule.message, 'must not contain line breaks'))
  } else if (LINE_BREAK.test(text) && message === '') {
    errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'))
  }
  if (rule.messageExpression && rule.messageExpression.trim() === '') {
    errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'))
  }
  if (rule.reason && !REASONS.includes(rule.reason)) errors.push(notSupported(`${at}.reason`, rule.reason, REASONS))
  if (rule.fieldPath) {
    if (rule.fieldPath.trim() === '') {
      errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must be non-empty if specified'))
    }
    if (LINE_BREAK.test(rule.fieldPath)) {
      errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must not contain line breaks'))
    }
    if (relativeFieldPath(rule.fieldPath, schema) === undefined) {
      errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must be a valid path'))
    }
  }
  return errors
}

/** Sizes by the path from `self` (or `oldSelf`) down. */
function sizesOf(root: CelType): SizeHint {
  return (path) => {
    let type: CelType | undefined = root
    for (const step of path.slice(1)) {
      if (step === '@items') type = type.kind === 'list' ? type.elem : undefined
      else if (step === '@values') type = type.kind === 'map' ? type.value : undefined
      else if (step === '@keys') type = type.kind === 'map' ? type.key : undefined
      else type = type.kind === 'object' ? type.fields().get(step)?.type : undefined
      if (!type) return undefined
    }
    return { min: 0, max: type.maxElements ?? 0 }
  }
}
