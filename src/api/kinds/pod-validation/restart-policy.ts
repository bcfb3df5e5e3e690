// The rules of a container's own restart policy and of what restarts it in spite of that.
import { notSupported, required, tooMany } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { Container } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'

const MAX_RULES = 20
const MAX_EXIT_CODES = 255

export function checkRestartPolicy(errors: Errors, path: string, container: DeepReadonly<Container>): void {
  const { restartPolicy: policy, restartPolicyRules: rules = [] } = container
  const known = ['Always', 'Never', 'OnFailure']
  if (policy !== undefined && !known.includes(policy)) {
    errors.push(notSupported(`${path}.restartPolicy`, policy, known))
  }
  if (rules.length > 0 && policy === undefined) {
    errors.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'))
  }
  if (rules.length > MAX_RULES) errors.push(tooMany(`${path}.restartPolicyRules`, rules.length, MAX_RULES))
  rules.forEach((rule, i) => {
    const at = `${path}.restartPolicyRules[${i}]`
    const action = rule.action ?? ''
    const actions = ['Restart', 'RestartAllContainers']
    if (!actions.includes(action)) errors.push(notSupported(`${at}.action`, action, actions))
    const codes = rule.exitCodes
    if (!codes) {
      errors.push(required(`${at}.exitCodes`, 'must be specified'))
      return
    }
    const operator = codes.operator ?? ''
    const operators = ['In', 'NotIn']
    if (!operators.includes(operator)) errors.push(notSupported(`${at}.exitCodes.operator`, operator, operators))
    if ((codes.values?.length ?? 0) > MAX_EXIT_CODES) {
      errors.push(tooMany(`${at}.exitCodes.values`, codes.values!.length, MAX_EXIT_CODES))
    }
  })
}
