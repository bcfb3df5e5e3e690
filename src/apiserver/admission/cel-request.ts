// The questions that expressions of match conditions and policies put to the authoriser. Its answers may take time (a webhook decides);
// an expression is then evaluated anew once they are there.

import {
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  authorizerValue,
  requestResourceValue,
} from '../../api/cel/library/authorizer.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Authorize } from '../authorize.ts'
import type { Attributes, Decision } from '../authz/attributes.ts'
import type { AdmissionRequest } from './admission.ts'

const MOST_ROUNDS = 16

/** The authoriser for the expressions of one request. What isn't known yet is asked for, and the evaluation begun again. */
export class Questions {
  readonly #authorize: Authorize
  readonly #request: AdmissionRequest
  readonly #known = new Map<string, Decision>()
  #pending: Promise<void>[] = []

  constructor(authorize: Authorize, request: AdmissionRequest) {
    this.#authorize = authorize
    this.#request = request
  }

  get bindings(): Record<string, unknown> {
    const { kind, subresource, namespace, name } = this.#request
    const about = { group: kind.group, resource: kind.plural, subresource, namespace, name }
    return {
      authorizer: () => authorizerValue(this.#decide),
      'authorizer.requestResource': () => requestResourceValue(this.#decide, about),
    }
  }

  /** What `evaluate` returns once every question it puts has been answered. @throws what it throws then */
  async settle<T>(evaluate: () => T): Promise<T> {
    for (let round = 1; ; round++) {
      let outcome: { value: T } | { err: unknown }
      try {
        outcome = { value: evaluate() }
      } catch (err) {
        outcome = { err }
      }
      if (this.#pending.length === 0 || round === MOST_ROUNDS) {
        if ('err' in outcome) throw outcome.err
        return outcome.value
      }
      await Promise.all(this.#pending.splice(0))
    }
  }

  readonly #decide = (question: AuthorizationQuestion): AuthorizationAnswer => {
    const key = JSON.stringify(question)
    const known = this.#known.get(key)
    if (known) return answerOf(known)
    const decision = this.#authorize(userOf(question, this.#request.user), attributesOf(question))
    if (!(decision instanceof Promise)) {
      this.#known.set(key, decision)
      return answerOf(decision)
    }
    const failed = (err: Error): Decision => ({ allowed: false, reason: '', evaluationError: err.message })
    this.#pending.push(decision.catch(failed).then((answer) => void this.#known.set(key, answer)))
    return { allowed: false, reason: '' }
  }
}

const answerOf = ({ allowed, reason, why, evaluationError }: Decision): AuthorizationAnswer => ({
  allowed,
  reason: why ?? reason,
  ...(evaluationError ? { error: evaluationError } : {}),
})

function userOf({ serviceAccount }: AuthorizationQuestion, user: UserInfo): UserInfo {
  if (!serviceAccount) return user
  const { namespace, name } = serviceAccount
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
  return { name: `system:serviceaccount:${namespace}:${name}`, groups }
}

function attributesOf(question: AuthorizationQuestion): Attributes {
  const { verb, path, group, resource, subresource, namespace, name, fieldSelector, labelSelector } = question
  return {
    isResource: path === undefined,
    verb,
    path: path ?? '',
    group,
    resource,
    subresource,
    namespace,
    name,
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  }
}
