// One mutating policy, compiled, and what its mutations make of an object. Pure: what it looks at comes in as bindings, and the object
// that it is given is not changed.
import { RUNTIME_BUDGET } from '../../../api/cel/budget.ts'
import { CostBudget } from '../../../api/cel/cel.ts'
import { CelError } from '../../../api/cel/errors.ts'
import { toJson } from '../../../api/cel/to-json.ts'
import { CelMap, Struct } from '../../../api/cel/values.ts'
import { internal, StatusError } from '../../../api/meta/errors.ts'
import type { KubeObject } from '../../../api/meta/object.ts'
import { DecodeError, decodeObject, unknownFieldMessage } from '../../../api/schema/decode.ts'
import type { StructSchema } from '../../../api/schema/schema.ts'
import { applyJsonPatch, TestFailed } from '../../patch/json-patch.ts'
import { mergeApplied, pathsOf, TypedValueError } from '../../patch/typed-value.ts'
import { atomicPaths } from './atomic-paths.ts'
import { type Compiled, evaluated, PolicyExpressions, type Values } from './policy-expressions.ts'
import type { MutatingPolicy } from './policy-index.ts'

type Shown = Readonly<Record<string, unknown>>

export class MutationProgram {
  readonly #expressions: PolicyExpressions
  readonly #mutations: readonly { readonly json: boolean; readonly expression: string; readonly program: Compiled }[]

  constructor(policy: MutatingPolicy) {
    const expressions = new PolicyExpressions(policy)
    this.#expressions = expressions
    this.#mutations = (policy.spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const json = patchType === 'JSONPatch'
      const expression = (json ? jsonPatch : applyConfiguration)?.expression ?? ''
      return { json, expression, program: expressions.compile(expression, true) }
    })
  }

  get size(): number {
    return this.#mutations.length
  }

  /** @returns an Error where it cannot be told */
  concerns(values: Values): boolean | Error {
    const { matches, errors } = this.#expressions.conditionsHold(values)
    if (!matches || errors.length === 0) return matches
    return new Error(errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`)
  }

  /**
   * What the mutation wants, to be laid over the object by `applyMutation`.
   * @returns an Error that the policy's failurePolicy speaks to
   */
  patchOf(index: number, values: Values): Patch | Error {
    const { json, expression, program } = this.#mutations[index]!
    const budget = new CostBudget(RUNTIME_BUDGET)
    const value = evaluated(program, expression, this.#expressions.withVariables(values, budget), budget)
    if (value instanceof Error) return value
    try {
      return json ? { operations: operationsOf(value) } : { configuration: configurationOf(value) }
    } catch (err) {
      if (err instanceof CelError) return err
      throw err
    }
  }
}

export type Patch = { readonly operations: readonly object[] } | { readonly configuration: Record<string, unknown> }

function operationsOf(value: unknown): object[] {
  if (!Array.isArray(value)) throw new CelError('type mismatch: JSONPatchType.expression should evaluate to array')
  return value.map((operation) => {
    if (!(operation instanceof Struct) || operation.typeName !== 'JSONPatch') {
      throw new CelError('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch')
    }
    const { op = '', path = '', from, value } = operation.fields
    if (value instanceof Struct) checkTypeNames(value)
    return { op, path, ...(from ? { from } : {}), ...('value' in operation.fields ? { value: toJson(value) } : {}) }
  })
}

function configurationOf(value: unknown): Record<string, unknown> {
  if (!(value instanceof Struct) || value.typeName !== 'Object') {
    throw new CelError('unsupported return type from ApplyConfiguration expression')
  }
  checkTypeNames(value)
  return toJson(value) as Record<string, unknown>
}

/** `Object.spec{…}` may only stand at `spec`: type names are the paths of the fields. */
function checkTypeNames(value: Struct): void {
  const errors: string[] = []
  const visit = (item: unknown, path: string) => {
    if (item instanceof Struct) {
      if (item.typeName !== path) {
        errors.push(
          `unexpected type name "${item.typeName}", expected "${path}", which matches field name path from root Object type`,
        )
      }
      for (const [name, field] of Object.entries(item.fields)) visit(field, `${path}.${name}`)
    } else if (Array.isArray(item)) for (const one of item) visit(one, path)
    else if (item instanceof CelMap) for (const [, one] of item.entries()) visit(one, path)
  }
  visit(value, value.typeName)
  if (errors.length > 0) throw new CelError(`type mismatch: ${errors.join('\n')}`)
}

/**
 * The object with the patch applied, decoded again; the very same when a `test` operation says no.
 * @returns an Error that the policy's failurePolicy speaks to @throws StatusError that it does not speak to
 */
export function applyMutation(schema: StructSchema, shown: Shown, patch: Patch): Shown | Error {
  return 'operations' in patch
    ? patched(schema, shown, patch.operations)
    : configured(schema, shown, patch.configuration)
}

function patched(schema: StructSchema, shown: Shown, operations: readonly object[]): Shown | Error {
  let result: unknown
  try {
    result = applyJsonPatch(shown, operations)
  } catch (err) {
    if (!(err instanceof StatusError)) throw err
    const why = err.cause as Error | undefined
    if (why instanceof TestFailed) return shown
    return new Error(`JSON Patch: ${why?.message ?? err.message}`)
  }
  try {
    const { object, unknown } = decodeObject(schema, result)
    if (unknown.length === 0) return object
    throw internal(`strict decoding error: ${unknown.map(unknownFieldMessage).join(', ')}`)
  } catch (err) {
    if (err instanceof DecodeError) throw internal(err.message, { cause: err })
    throw err
  }
}

function configured(schema: StructSchema, shown: Shown, configuration: Record<string, unknown>): Shown | Error {
  const { apiVersion, kind } = shown as unknown as KubeObject
  try {
    const { object, unknown } = decodeObject(schema, { ...configuration, apiVersion, kind }, { partial: true })
    if (unknown.length > 0) {
      const lines = unknown.map((path) => `.${path}: field not declared in schema`)
      throw new TypedValueError(lines.length === 1 ? lines[0]! : `errors:\n${lines.map((l) => `  ${l}`).join('\n')}`)
    }
    pathsOf(schema, object)
    const atomic = atomicPaths(schema, object)
    if (atomic.length > 0) {
      const why = `may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`
      return new Error(`error applying patch: invalid ApplyConfiguration: ${why}`)
    }
    return decodeObject(schema, mergeApplied(schema, shown, object)).object
  } catch (err) {
    if (!(err instanceof TypedValueError) && !(err instanceof DecodeError)) throw err
    const why = `failed to convert patch object to typed object: ${err.message}`
    return new Error(`error applying patch: ${why}`, { cause: err })
  }
}
