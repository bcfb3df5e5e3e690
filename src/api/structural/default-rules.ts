// Are the defaults in a schema values that the schema would take, with nothing in them that pruning leaves out? k8s: the sentences.
import { jsonEqual } from '../meta/equality.ts'
import { type FieldError, invalid } from '../meta/errors.ts'
import { isFields, itemsOf, type Props, propertyOf, valuesOf } from './props.ts'
import { pruneResource } from './prune.ts'
import { defaultRuleErrors } from './rules.ts'
import { NO_OLD, validateValue } from './values.ts'

export function defaultErrors(props: Props, path: string): FieldError[] {
  const errors: FieldError[] = []
  walk(props, path, errors)
  return errors
}

function walk(props: Props, path: string, errors: FieldError[]): void {
  if (props.default !== undefined) checkDefault(props, path, errors)
  const values = valuesOf(props)
  if (values && values !== true) walk(values, `${path}.additionalProperties`, errors)
  const items = itemsOf(props)
  if (items) walk(items, `${path}.items`, errors)
  for (const name of Object.keys(props.properties ?? {})) {
    walk(propertyOf(props, name)!, `${path}.properties[${name}]`, errors)
  }
}

function checkDefault(props: Props, path: string, errors: FieldError[]): void {
  const at = `${path}.default`
  const known = errors.length
  const pruned = prunedDefault(props)
  if (!jsonEqual(pruned, props.default)) {
    errors.push(invalid(at, props.default, 'must not have unknown fields'))
  }
  for (const error of validateValue(props, props.default, NO_OLD)) {
    const inside = error.field === '<nil>' || error.field === '' ? '' : `.${error.field}`
    errors.push({ ...error, field: `${at}${inside}` })
  }
  if (errors.length === known) errors.push(...defaultRuleErrors(props, props.default, at))
}

/** Seen as the value of a field, so that lists and leaves are looked at as well. */
function prunedDefault(props: Props): unknown {
  if (typeof props.default !== 'object' || props.default === null) return props.default
  const holder: Props = { type: 'object', properties: { value: props as never } }
  const { object } = pruneResource(holder, { value: props.default }, 'stored')
  return isFields(object) ? object['value'] : undefined
}
