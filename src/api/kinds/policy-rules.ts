// The rules for expressions of admission policies, as the kinds ask for them: what compiles expressions is loaded when it is needed.
import type { FieldError } from '../meta/errors.ts'
import type { AnyPolicy, policyExpressionErrors } from './policy-expressions.ts'

let known: typeof policyExpressionErrors | undefined

/** Undefined when there is nothing to wait for. */
export function loadPolicyRules(): Promise<void> | undefined {
  return known ? undefined : load()
}

async function load(): Promise<void> {
  known = (await import('./policy-expressions.ts')).policyExpressionErrors
}

/** `loadPolicyRules` must have been awaited. */
export const expressionErrors = (policy: AnyPolicy): readonly FieldError[] => known?.(policy) ?? []

/** Without those that the old policy has as well: what was stored stays valid. */
export function newErrors(errors: FieldError[], old: AnyPolicy): FieldError[] {
  if (errors.length === 0) return errors
  const stood = new Set(expressionErrors(old).map(identity))
  return errors.filter((error) => !stood.has(identity(error)))
}
const identity = ({ field, message }: FieldError) => `${field.replace(/\[\d+\]/g, '[]')} ${message}`
