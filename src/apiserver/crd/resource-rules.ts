// Everything that can be wrong with a custom resource: its schema's rules, the numbers of its scale, resources inside it, lists that are
// sets or maps, and its CEL rules. An update is not blamed for what it leaves as it was.
import { type FieldError, invalid } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { embeddedErrors } from '../../api/structural/embedded.ts'
import { listErrors } from '../../api/structural/lists.ts'
import { type Props, propertyOf } from '../../api/structural/props.ts'
import { rulesOf } from '../../api/structural/rules.ts'
import { NO_OLD, validateValue } from '../../api/structural/values.ts'
import type { Version } from './custom-kind.ts'

type Obj = DeepReadonly<KubeObject>

/** k8s: with one of these, rules could meet values that they are not made for. */
const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueTooLong',
  'FieldValueTooMany',
])

export function resourceErrors(props: Props, version: Version, obj: Obj, old: Obj | undefined): FieldError[] {
  const errors = validateValue(props, obj, old ?? NO_OLD)
  errors.push(...scaleErrors(version, obj, true), ...embeddedErrors(props, obj))
  if (!old || listErrors(props, old).length === 0) errors.push(...listErrors(props, obj))
  return withRules(props, obj, old, errors)
}

/** A write of the status is only blamed for the status, and for rules. */
export function statusErrors(props: Props, version: Version, obj: Obj, old: Obj): FieldError[] {
  const errors: FieldError[] = []
  const [status, before] = [obj, old].map((o) => (o as { status?: unknown }).status)
  const own = propertyOf(props, 'status')
  if (own && status !== undefined) {
    for (const error of validateValue(own, status, before ?? NO_OLD)) {
      errors.push({
        ...error,
        field: error.field === '<nil>' || error.field === '' ? 'status' : `status.${error.field}`,
      })
    }
  }
  errors.push(...scaleErrors(version, obj, false))
  if (listErrors(props, old).length === 0) errors.push(...listErrors(props, obj))
  return withRules(props, obj, old, errors)
}

function withRules(props: Props, obj: Obj, old: Obj | undefined, errors: FieldError[]): FieldError[] {
  const rules = rulesOf(props)
  if (!rules) return errors
  if (errors.some(({ type }) => BLOCKING.has(type))) {
    const why =
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'
    return [...errors, invalid('<nil>', null, why)]
  }
  return [...errors, ...rules.validate(obj, old, '')]
}

const INT32_MAX = 2 ** 31 - 1

function scaleErrors({ subresources }: Version, obj: Obj, withSpec: boolean): FieldError[] {
  const scale = subresources?.scale
  if (!scale) return []
  const errors: FieldError[] = []
  const paths = withSpec ? [scale.specReplicasPath, scale.statusReplicasPath] : [scale.statusReplicasPath]
  for (const path of paths) {
    const value = valueAt(obj, path)
    if (value === undefined || value === null) continue
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      errors.push(
        invalid(path, 0, `${path} accessor error: ${shown(value)} is of the type ${goType(value)}, expected int64`),
      )
    } else if (value < 0) errors.push(invalid(path, value, 'should be a non-negative integer'))
    else if (value > INT32_MAX) errors.push(invalid(path, value, `should be less than or equal to ${INT32_MAX}`))
  }
  const selector = scale.labelSelectorPath ? valueAt(obj, scale.labelSelectorPath) : undefined
  if (selector !== undefined && typeof selector !== 'string') {
    const path = scale.labelSelectorPath!
    const why = `${path} accessor error: ${shown(selector)} is of the type ${goType(selector)}, expected string`
    errors.push(invalid(path, '', why))
  }
  return errors
}

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'object') return 'map[string]interface {}'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function valueAt(obj: unknown, path: string): unknown {
  let value = obj
  for (const step of path.split('.').filter((s) => s !== '')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined
  }
  return value
}
