// LimitRange: bounds and defaults for what single pods, containers and claims ask for.
import { duplicate, type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { isQuantity, parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { checkPresent, checkQualified } from './check.ts'
import { createdAt } from './columns.ts'
import { defineKind } from './kind.ts'

export type LimitRange = types.LimitRange

type Item = DeepReadonly<types.LimitRangeItem>
type Amounts = 'min' | 'max' | 'default' | 'defaultRequest'

const TYPES = ['Container', 'PersistentVolumeClaim', 'Pod']

/** What must not be greater than what: the field at fault, and how the two are called. */
const ORDER: readonly [low: Amounts, high: Amounts, at: Amounts, lowWord: string, highWord: string][] = [
  ['min', 'max', 'min', 'min', 'max'],
  ['min', 'defaultRequest', 'defaultRequest', 'min', 'default request'],
  ['defaultRequest', 'max', 'defaultRequest', 'default request', 'max'],
  ['defaultRequest', 'default', 'defaultRequest', 'default request', 'default limit'],
  ['min', 'default', 'default', 'min', 'default'],
  ['default', 'max', 'default', 'default', 'max'],
]

function checkItem(errors: FieldError[], at: string, item: Item): void {
  const { type } = item
  if (checkPresent(errors, `${at}.type`, type) && !TYPES.includes(type)) {
    checkQualified(errors, `${at}.type`, type)
    if (!type.includes('/')) {
      errors.push(invalid(`${at}.type`, type, 'must be a standard limit type or fully qualified'))
    }
  }
  const fields = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const
  for (const field of fields) {
    const amounts = item[field] ?? {}
    if (type === 'Pod' && (field === 'default' || field === 'defaultRequest')) {
      if (Object.keys(amounts).length > 0) {
        errors.push(forbiddenField(`${at}.${field}`, "may not be specified when `type` is 'Pod'"))
      }
      continue
    }
    for (const name of Object.keys(amounts)) checkQualified(errors, `${at}.${field}[${name}]`, name)
  }
  if (type === 'PersistentVolumeClaim' && !item.min?.['storage'] && !item.max?.['storage']) {
    const why = 'either minimum or maximum storage value is required, but neither was provided'
    errors.push(required(`${at}.limits`, why))
  }
  const names = new Set(fields.flatMap((field) => Object.keys(item[field] ?? {})))
  for (const name of names) checkAmounts(errors, at, item, name)
}

function checkAmounts(errors: FieldError[], at: string, item: Item, name: string): void {
  const nano = (text: string | undefined) => (text && isQuantity(text) ? parseQuantity(text).nano : undefined)
  for (const [low, high, field, lowWord, highWord] of ORDER) {
    if (item.type === 'Pod' && (field === 'default' || field === 'defaultRequest')) continue
    const [small, big] = [item[low]?.[name], item[high]?.[name]]
    const [least, most] = [nano(small), nano(big)]
    if (least === undefined || most === undefined || least <= most) continue
    const why = `${lowWord} value ${small} is greater than ${highWord} value ${big}`
    errors.push(invalid(`${at}.${field}[${name}]`, item[field]?.[name], why))
  }
  const ratio = item.maxLimitRequestRatio?.[name]
  const ratioNano = nano(ratio)
  if (ratioNano === undefined) return
  const field = `${at}.maxLimitRequestRatio[${name}]`
  if (ratioNano < 1_000_000_000n) errors.push(invalid(field, ratio, `ratio ${ratio} is less than 1`))
  const [min, max] = [nano(item.min?.[name]), nano(item.max?.[name])]
  if (!min || max === undefined) return
  const widest = Number(max) / Number(min)
  if (Number(ratioNano) / 1e9 > widest) {
    errors.push(invalid(field, ratio, `ratio ${ratio} is greater than max/min = ${widest.toFixed(6)}`))
  }
}

export const LimitRange = defineKind<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  scope: 'Namespaced',
  shortNames: ['limits'],
  description: 'Bounds and defaults for the resources that single pods, containers and claims of a namespace ask for.',
  columns: [createdAt()],
  hasGeneration: false,
  default(range) {
    for (const item of range.spec?.limits ?? []) {
      if (item.type !== 'Container') continue
      const most = { ...item.max, ...item.default }
      if (Object.keys(most).length > 0) item.default = most
      const requests = { ...item.min, ...most, ...item.defaultRequest }
      if (Object.keys(requests).length > 0) item.defaultRequest = requests
    }
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    const types = new Set<string>()
    spec?.limits?.forEach((item, i) => {
      const at = `spec.limits[${i}]`
      if (types.has(item.type)) errors.push(duplicate(`${at}.type`, item.type))
      types.add(item.type)
      checkItem(errors, at, item)
    })
    return errors
  },
})
