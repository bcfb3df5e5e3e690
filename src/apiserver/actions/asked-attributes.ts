// What a review asks about, as the authorisers take it. Selectors come as text or as requirements; authorisers take text.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/meta/errors.ts'
import { formatFieldSelector, parseFieldSelector } from '../../api/meta/field-selector.ts'
import { formatSelector, type Operator, parseSelector } from '../../api/meta/label-selector.ts'
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  NonResourceAttributes,
  ResourceAttributes,
} from '../../api/types/authorization.v1.ts'
import type { Attributes } from '../authz/attributes.ts'

interface Asked {
  readonly resourceAttributes?: ResourceAttributes
  readonly nonResourceAttributes?: NonResourceAttributes
}

const NONE = { group: '', resource: '', subresource: '', namespace: '', name: '' }

/** `problems` are selectors that could not be read: the question is answered without them. k8s: an evaluationError. */
export function askedAttributes({ resourceAttributes, nonResourceAttributes }: Asked): {
  attributes: Attributes
  problems: string[]
} {
  if (!resourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes ?? {}
    return { attributes: { ...NONE, isResource: false, path, verb }, problems: [] }
  }
  const { verb = '', group = '', version = '', resource = '', subresource = '' } = resourceAttributes
  const { namespace = '', name = '' } = resourceAttributes
  const problems: string[] = []
  const readable = (text: () => string): string => {
    try {
      return text()
    } catch (err) {
      problems.push((err as Error).message)
      return ''
    }
  }
  const fieldSelector = readable(() => fieldText(resourceAttributes.fieldSelector))
  const labelSelector = readable(() => labelText(resourceAttributes.labelSelector))
  const what = { group, version, resource, subresource, namespace, name, fieldSelector, labelSelector }
  return { attributes: { isResource: true, path: '', verb, ...what }, problems }
}

function fieldText(selector: FieldSelectorAttributes | undefined): string {
  if (selector?.rawSelector) return formatFieldSelector(parseFieldSelector(selector.rawSelector))
  const terms = (selector?.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (values.length !== 1 || (operator !== 'In' && operator !== 'NotIn')) return []
    return `${key}${operator === 'In' ? '=' : '!='}${values[0]!.replace(/[\\,=]/g, '\\$&')}`
  })
  return terms.join(',')
}

function labelText(selector: LabelSelectorAttributes | undefined): string {
  if (selector?.rawSelector) return formatSelector(parseSelector(selector.rawSelector))
  const requirements = (selector?.requirements ?? []).map(({ key, operator, values = [] }) => {
    return { key, operator: operator as Operator, values }
  })
  return formatSelector({ requirements, nothing: false })
}

/** k8s: one of the two spellings, and requirements that make sense. */
export function selectorErrors({ fieldSelector, labelSelector }: ResourceAttributes): FieldError[] {
  const errors: FieldError[] = []
  const check = (field: string, selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined) => {
    if (!selector) return
    const at = `spec.resourceAttributes.${field}`
    const { rawSelector, requirements = [] } = selector
    if (rawSelector && requirements.length > 0) {
      errors.push(invalid(`${at}.rawSelector`, rawSelector, 'may not specified at the same time as requirements'))
    }
    if (!rawSelector && requirements.length === 0) {
      errors.push(required(`${at}.requirements`, `when ${field} is specified, requirements or rawSelector is required`))
    }
    requirements.forEach((requirement, i) => {
      errors.push(...requirementErrors(`${at}.requirements[${i}]`, requirement))
    })
  }
  check('fieldSelector', fieldSelector)
  check('labelSelector', labelSelector)
  return errors
}

const OPERATORS = ['DoesNotExist', 'Exists', 'In', 'NotIn']

function requirementErrors(at: string, asked: { key?: string; operator?: string; values?: string[] }): FieldError[] {
  const { key, operator = '', values = [] } = asked
  const errors: FieldError[] = key ? [] : [required(`${at}.key`, 'must be specified')]
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      errors.push(forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    }
  } else errors.push(notSupported(`${at}.operator`, operator, OPERATORS))
  return errors
}
