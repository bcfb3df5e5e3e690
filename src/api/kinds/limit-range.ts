// LimitRange: bounds and defaults for what single pods, containers and claims ask for.
import { duplicate, type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { isQuantity, parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { createdAt } from './columns.ts'
import { defineKind } from './kind.ts'
import { canOvercommit, checkContainerResourceName, checkResourceName } from './resource-names.ts'

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

const FIELDS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

function checkItem(errors: FieldError[], at: string, item: Item): void {
  const { type } = item
  const isPod = type === 'Pod'
  const nameRule = isPod || type === 'Container' ? checkContainerResourceName : checkResourceName
  for (const field of FIELDS) {
    const amounts = item[field] ?? {}
    if (field === 'maxLimitRequestRatio' && type === 'PersistentVolumeClaim') checkStorage(errors, at, item)
    if (isPod && (field === 'default' || field === 'defaultRequest')) {
      if (Object.keys(amounts).length > 0) {
        errors.push(forbiddenField(`${at}.${field}`, "may not be specified when `type` is 'Pod'"))
      }
      continue
    }
    for (const name of Object.keys(amounts)) nameRule(errors, `${at}.${field}[${name}]`, name)
  }
  const names = new Set(FIELDS.flatMap((field) => Object.keys(item[field] ?? {})))
  for (const name of names) checkAmounts(errors, at, item, name)
}

function checkType(errors: FieldError[], field: string, type: string): void {
  const problems = qualifiedName(type)
  for (const problem of problems) errors.push(invalid(field, type, problem))
  if (problems.length === 0 && !type.includes('/') && !TYPES.includes(type)) {
    errors.push(invalid(field, type, 'must be a standard limit type or fully qualified'))
  }
}

function checkStorage(errors: FieldError[], at: string, item: Item): void {
  if (item.min?.['storage'] !== undefined || item.max?.['storage'] !== undefined) return
  const why = 'either minimum or maximum storage value is required, but neither was provided'
  errors.push(required(`${at}.limits`, why))
}

function checkAmounts(errors: FieldError[], at: string, item: Item, name: string): void {
  const nano = (text: string | undefined) => (text && isQuantity(text) ? parseQuantity(text).nano : undefined)
  for (const [low, high, field, lowWord, highWord] of ORDER) {
    if (item.type === 'Pod' && [low, high].some((side) => side === 'default' || side === 'defaultRequest')) continue
    const [small, big] = [item[low]?.[name], item[high]?.[name]]
    const [least, most] = [nano(small), nano(big)]
    if (least === undefined || most === undefined || least <= most) continue
    const why = `${lowWord} value ${small} is greater than ${highWord} value ${big}`
    // k8s: of a default that is out of bounds, the bound is shown.
    const shown = field === 'default' ? (low === 'min' ? small : big) : item[field]?.[name]
    errors.push(invalid(`${at}.${field}[${name}]`, shown, why))
  }
  const ratio = item.maxLimitRequestRatio?.[name]
  const ratioNano = nano(ratio)
  if (ratioNano !== undefined) {
    const field = `${at}.maxLimitRequestRatio[${name}]`
    if (ratioNano < 1_000_000_000n) errors.push(invalid(field, ratio, `ratio ${ratio} is less than 1`))
    const [min, max] = [nano(item.min?.[name]), nano(item.max?.[name])]
    const widest = min && max !== undefined ? Number(max) / Number(min) : undefined
    if (widest !== undefined && Number(ratioNano) / 1e9 > widest) {
      errors.push(invalid(field, ratio, `ratio ${ratio} is greater than max/min = ${widest.toFixed(6)}`))
    }
  }
  if (item.type === 'Pod' || canOvercommit(name)) return
  const [limit, request] = [item.default?.[name], item.defaultRequest?.[name]]
  if (limit === undefined || request === undefined || nano(limit) === nano(request)) return
  const why = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`
  errors.push(invalid(`${at}.defaultRequest[${name}]`, request, why))
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
      checkType(errors, `${at}.type`, item.type ?? '')
      if (types.has(item.type)) errors.push(duplicate(`${at}.type`, item.type))
      types.add(item.type)
      checkItem(errors, at, item)
    })
    return errors
  },
})
