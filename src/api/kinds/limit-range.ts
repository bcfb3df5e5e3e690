// LimitRange: bounds and defaults for what single pods, containers and claims ask for.
import { duplicate, type FieldError, forbiddenField, invalid } from '../meta/errors.ts'
import { compareQuantities, isQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { checkPresent } from './check.ts'
import { createdAt } from './columns.ts'
import { defineKind } from './kind.ts'

export type LimitRange = types.LimitRange

const WORDS = { min: 'min', defaultRequest: 'default request', default: 'default', max: 'max' } as const

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
      const [max = {}, min = {}] = [item.max, item.min]
      item.default = { ...max, ...item.default }
      item.defaultRequest = { ...min, ...item.default, ...item.defaultRequest }
    }
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    const types = new Set<string>()
    spec?.limits?.forEach((item, i) => {
      const at = `spec.limits[${i}]`
      checkPresent(errors, `${at}.type`, item.type)
      if (types.has(item.type)) errors.push(duplicate(`${at}.type`, item.type))
      types.add(item.type)
      if (item.type === 'Pod') {
        for (const key of ['default', 'defaultRequest'] as const) {
          if (Object.keys(item[key] ?? {}).length > 0) {
            errors.push(forbiddenField(`${at}.${key}`, "may not be specified when `type` is 'Pod'"))
          }
        }
      }
      const order = ['min', 'defaultRequest', 'default', 'max'] as const
      const names = new Set(order.flatMap((key) => Object.keys(item[key] ?? {})))
      for (const name of names) {
        for (const [low, lowKey] of order.map((key, n) => [n, key] as const)) {
          for (const highKey of order.slice(low + 1)) {
            const [small, big] = [item[lowKey]?.[name], item[highKey]?.[name]]
            if (small === undefined || big === undefined || !isQuantity(small) || !isQuantity(big)) continue
            if (compareQuantities(small, big) > 0) {
              errors.push(
                invalid(
                  `${at}.${lowKey}[${name}]`,
                  small,
                  `${WORDS[lowKey]} value ${small} is greater than ${WORDS[highKey]} value ${big}`,
                ),
              )
            }
          }
        }
      }
    })
    return errors
  },
})
