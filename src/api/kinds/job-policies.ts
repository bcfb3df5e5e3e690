// The rules of a Job's policies: which failures of pods count, and when enough indexes have succeeded.
import { duplicate, type FieldError, invalid, notSupported, required, tooLong, tooMany } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/batch.v1.ts'
import { checkNonNegative } from './check.ts'
import { invalidUnshown } from './check-form.ts'
import { parseIndexes } from './job-indexes.ts'

type Spec = DeepReadonly<types.JobSpec>
type Rule = NonNullable<Spec['podFailurePolicy']>['rules'][number]

const MAX_RULES = 20
const MAX_EXIT_CODES = 255
const MAX_PATTERNS = 20
const MAX_INDEXES_BYTES = 64 * 1024

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const OPERATORS = ['In', 'NotIn']
const STATUSES = ['False', 'True', 'Unknown']

/** k8s: lists are shown as Go writes them. */
const valid = (values: readonly string[]) => `valid values: [${values.map((v) => JSON.stringify(v)).join(' ')}]`

function checkKnown(errors: FieldError[], field: string, value: string | undefined, known: readonly string[]): void {
  if (!value) errors.push(required(field, valid(known)))
  else if (!known.includes(value)) errors.push(notSupported(field, value, known))
}

export function checkFailurePolicy(errors: FieldError[], field: string, spec: Spec): void {
  const rules = spec.podFailurePolicy?.rules ?? []
  if (rules.length > MAX_RULES) errors.push(tooMany(`${field}.rules`, rules.length, MAX_RULES))
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {}
  const names = new Set([...containers, ...initContainers].map(({ name }) => name))
  rules.forEach((rule, i) => {
    checkRule(errors, `${field}.rules[${i}]`, rule, spec, names)
  })
}

function checkRule(errors: FieldError[], at: string, rule: Rule, spec: Spec, names: ReadonlySet<string>): void {
  if (rule.action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined) {
      errors.push(invalid(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'))
    }
  } else checkKnown(errors, `${at}.action`, rule.action, ACTIONS)
  const { onExitCodes, onPodConditions = [] } = rule
  if (onExitCodes) checkExitCodes(errors, `${at}.onExitCodes`, onExitCodes, names)
  if (onPodConditions.length > MAX_PATTERNS) {
    errors.push(tooMany(`${at}.onPodConditions`, onPodConditions.length, MAX_PATTERNS))
  }
  onPodConditions.forEach(({ type = '', status }, i) => {
    const field = `${at}.onPodConditions[${i}]`
    for (const problem of qualifiedName(type)) errors.push(invalid(`${field}.type`, type, problem))
    checkKnown(errors, `${field}.status`, status, STATUSES)
  })
  if (onExitCodes && onPodConditions.length > 0) {
    errors.push(invalidUnshown(at, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    errors.push(invalidUnshown(at, 'specifying one of OnExitCodes and OnPodConditions is required'))
  }
}

function checkExitCodes(
  errors: FieldError[],
  at: string,
  { operator, containerName, values = [] }: DeepReadonly<types.PodFailurePolicyOnExitCodesRequirement>,
  names: ReadonlySet<string>,
): void {
  checkKnown(errors, `${at}.operator`, operator, OPERATORS)
  if (containerName !== undefined && !names.has(containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template'
    errors.push(invalid(`${at}.containerName`, containerName, why))
  }
  if (values.length === 0) errors.push(invalid(`${at}.values`, values, 'at least one value is required'))
  else if (values.length > MAX_EXIT_CODES) errors.push(tooMany(`${at}.values`, values.length, MAX_EXIT_CODES))
  const seen = new Set<number>()
  values.forEach((value, i) => {
    if (operator === 'In' && value === 0) {
      errors.push(invalid(`${at}.values[${i}]`, value, 'must not be 0 for the In operator'))
    }
    if (seen.has(value)) errors.push(duplicate(`${at}.values[${i}]`, value))
    seen.add(value)
  })
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) {
    errors.push(invalid(`${at}.values`, values, 'must be ordered'))
  }
}

/** Of a Job with indexes. */
export function checkSuccessPolicy(errors: FieldError[], field: string, spec: Spec): void {
  const rules = spec.successPolicy?.rules ?? []
  const completions = spec.completions ?? 0
  if (rules.length === 0) {
    errors.push(required(`${field}.rules`, 'at least one rules must be specified when the successPolicy is specified'))
  }
  if (rules.length > MAX_RULES) errors.push(tooMany(`${field}.rules`, rules.length, MAX_RULES))
  rules.forEach(({ succeededIndexes, succeededCount }, i) => {
    const at = `${field}.rules[${i}]`
    if (succeededCount === undefined && succeededIndexes === undefined) {
      errors.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'))
    }
    let total = 0
    if (succeededIndexes !== undefined) {
      if (succeededIndexes.length > MAX_INDEXES_BYTES) {
        errors.push(tooLong(`${at}.succeededIndexes`, MAX_INDEXES_BYTES))
      }
      const parsed = parseIndexes(succeededIndexes, completions)
      if ('total' in parsed) total = parsed.total
      else {
        const why = `error parsing succeededIndexes: ${parsed.problem}`
        errors.push(invalid(`${at}.succeededIndexes`, succeededIndexes, why))
      }
    }
    if (succeededCount === undefined) return
    checkNonNegative(errors, `${at}.succeededCount`, succeededCount)
    const most = (limit: number, what: string) => {
      if (succeededCount <= limit) return
      errors.push(invalid(`${at}.succeededCount`, succeededCount, `must be less than or equal to ${limit} (${what})`))
    }
    most(completions, 'the number of specified completions')
    if (succeededIndexes !== undefined) {
      most(total, 'the number of indexes in the specified succeededIndexes field')
    }
  })
}
