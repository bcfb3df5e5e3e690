// The texts of x-kubernetes-validations, before any of them is compiled: a rule is there, messages are one line, reasons are known, paths
// lead somewhere. k8s: the sentences.
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { fieldAt } from './field-path.ts'
import type { Props } from './props.ts'

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const hasNewlines = (text: string) => /[\n\r]/.test(text)
const ONE_LINE = 'must not contain line breaks'

/** @param soundSoFar whether the schema is fine but for its rules: paths into a broken one lead nowhere */
export function ruleTextErrors(props: Props, path: string, soundSoFar: boolean): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, rule] of (props['x-kubernetes-validations'] ?? []).entries()) {
    const at = `${path}.x-kubernetes-validations[${i}]`
    const { message = '', messageExpression = '', reason, fieldPath = '' } = rule
    if (!rule.rule?.trim()) errors.push(required(`${at}.rule`, 'rule is not specified'))
    else if (message && !message.trim())
      errors.push(invalid(`${at}.message`, message, 'must be non-empty if specified'))
    else if (hasNewlines(message.trim())) errors.push(invalid(`${at}.message`, message, ONE_LINE))
    else if (hasNewlines(rule.rule.trim()) && !message.trim()) {
      errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'))
    }
    if (messageExpression && !messageExpression.trim()) {
      errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'))
    }
    if (reason !== undefined && !REASONS.includes(reason)) {
      errors.push(notSupported(`${at}.reason`, reason, REASONS))
    }
    if (!fieldPath) continue
    if (!fieldPath.trim()) errors.push(invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified'))
    if (hasNewlines(fieldPath)) errors.push(invalid(`${at}.fieldPath`, fieldPath, ONE_LINE))
    if (soundSoFar && 'problem' in fieldAt(props, fieldPath, true)) {
      errors.push(invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path'))
    }
  }
  return errors
}
