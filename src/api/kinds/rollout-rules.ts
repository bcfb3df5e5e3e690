// How workloads say how fast a change may spread: numbers or percentages of pods, and how a strategy nobody knows is shown.
import { type FieldError, invalid } from '../meta/errors.ts'
import { percentOf } from '../meta/int-or-percent.ts'

type Share = number | string | undefined

/** 0 or `0%`, or absent. */
export const isZeroShare = (value: Share): boolean => (value ?? 0) === 0 || percentOf(value) === 0

export function checkAtMostAll(errors: FieldError[], field: string, value: Share): void {
  if ((percentOf(value) ?? 0) > 100) errors.push(invalid(field, value, 'must not be greater than 100%'))
}

interface Strategy {
  readonly type?: string
  readonly rollingUpdate?: Readonly<Record<string, Share>>
}

/** k8s: the server shows such a value by the names of its own fields. */
export function shownStrategy(strategy: object | undefined): object {
  const { type = '', rollingUpdate } = (strategy ?? {}) as Strategy
  if (!rollingUpdate) return { Type: type, RollingUpdate: null }
  const fields = Object.entries(rollingUpdate).map(([key, value]) => [
    key.charAt(0).toUpperCase() + key.slice(1),
    value,
  ])
  return { Type: type, RollingUpdate: Object.fromEntries(fields) }
}
