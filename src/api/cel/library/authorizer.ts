// The authorizer in expressions: `authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()`. Who decides
// is a function in the bindings: the API server's authorizer, asked at once.
import { parseFieldSelector } from '../../meta/field-selector.ts'
import { parseSelector } from '../../meta/label-selector.ts'
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import { Opaque } from '../values.ts'

export interface AuthorizationQuestion {
  /** Whom the question is about: undefined is the user of the request. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined
  readonly verb: string
  /** A non-resource path, or a resource. */
  readonly path: string | undefined
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly fieldSelector: string | undefined
  readonly labelSelector: string | undefined
}
export interface AuthorizationAnswer {
  readonly allowed: boolean
  readonly reason: string
  readonly error?: string
}
export type Decide = (question: AuthorizationQuestion) => AuthorizationAnswer

const EMPTY: AuthorizationQuestion = {
  serviceAccount: undefined,
  verb: '',
  path: undefined,
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  fieldSelector: undefined,
  labelSelector: undefined,
}

/** A question as far as it has been put. */
class Check extends Opaque {
  readonly typeName: string
  readonly decide: Decide
  readonly question: AuthorizationQuestion
  constructor(step: string, decide: Decide, question: AuthorizationQuestion) {
    super()
    this.typeName = `kubernetes.authorization.${step}`
    this.decide = decide
    this.question = question
  }
  equals(other: Opaque): boolean {
    return (
      other instanceof Check &&
      other.decide === this.decide &&
      JSON.stringify(other.question) === JSON.stringify(this.question)
    )
  }
  with(step: string, part: Partial<AuthorizationQuestion>): Check {
    return new Check(step, this.decide, { ...this.question, ...part })
  }
}
class Decision extends Opaque {
  readonly typeName = 'kubernetes.authorization.Decision'
  readonly answer: AuthorizationAnswer
  constructor(answer: AuthorizationAnswer) {
    super()
    this.answer = answer
  }
  equals(other: Opaque): boolean {
    return (
      other instanceof Decision &&
      other.answer.allowed === this.answer.allowed &&
      other.answer.reason === this.answer.reason
    )
  }
}

/** The value of the variable `authorizer`. */
export const authorizerValue = (decide: Decide): Opaque => new Check('Authorizer', decide, EMPTY)
/** The value of `authorizer.requestResource`. */
export const requestResourceValue = (decide: Decide, about: Partial<AuthorizationQuestion>): Opaque =>
  new Check('ResourceCheck', decide, { ...EMPTY, ...about })

const check = (question: Check, verb: string) => new Decision(question.decide({ ...question.question, verb }))
const refine = (key: keyof AuthorizationQuestion) => [
  overload('ResourceCheck.(string) ResourceCheck', (question: Check, text: string) =>
    question.with('ResourceCheck', { [key]: text }),
  ),
]
/** A selector that cannot be read narrows nothing. */
const selector = (key: 'fieldSelector' | 'labelSelector', parse: (text: string) => unknown) => [
  overload('ResourceCheck.(string) ResourceCheck', (question: Check, text: string) => {
    try {
      parse(text)
    } catch {
      return question
    }
    return question.with('ResourceCheck', { [key]: text })
  }),
]

export const authorizerLibrary: Library = {
  path: [
    overload('Authorizer.(string) PathCheck', (authorizer: Check, path: string) => {
      if (path === '') throw new CelError('path must not be empty')
      return authorizer.with('PathCheck', { path })
    }),
  ],
  group: [
    overload('Authorizer.(string) GroupCheck', (authorizer: Check, group: string) =>
      authorizer.with('GroupCheck', { group }),
    ),
  ],
  serviceAccount: [
    overload('Authorizer.(string, string) Authorizer', (authorizer: Check, namespace: string, name: string) => {
      if (namespace === '' || namespace.length > 63) throw new CelError('invalid service account namespace')
      if (name === '' || name.length > 253) throw new CelError('invalid service account name')
      return authorizer.with('Authorizer', { serviceAccount: { namespace, name } })
    }),
  ],
  resource: [
    overload('GroupCheck.(string) ResourceCheck', (group: Check, resource: string) => {
      if (resource === '') throw new CelError('resource must not be empty')
      return group.with('ResourceCheck', { resource })
    }),
  ],
  subresource: refine('subresource'),
  namespace: refine('namespace'),
  name: refine('name'),
  fieldSelector: selector('fieldSelector', parseFieldSelector),
  labelSelector: selector('labelSelector', parseSelector),
  check: [overload('PathCheck.(string) Decision', check), overload('ResourceCheck.(string) Decision', check)],
  allowed: [overload('Decision.() bool', ({ answer }: Decision) => answer.allowed)],
  reason: [overload('Decision.() string', ({ answer }: Decision) => answer.reason)],
  errored: [overload('Decision.() bool', ({ answer }: Decision) => answer.error !== undefined)],
  error: [overload('Decision.() string', ({ answer }: Decision) => answer.error ?? '')],
}

export const jsonPatchLibrary: Library = {
  'jsonpatch.escapeKey': [
    overload('(string) string', (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')),
  ],
}
