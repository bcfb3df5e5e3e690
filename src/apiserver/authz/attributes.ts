// What is asked for, what the answer is, and the sentence in which a refusal is told. k8s: clients show these sentences as they are.
import type { UserInfo } from '../../api/wire.ts'

/** A RequestInfo is one. */
export interface Attributes {
  readonly isResource: boolean
  readonly verb: string
  readonly path: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** The API's version: only webhooks are told it. */
  readonly version?: string
  /** What a list, watch or deletecollection is narrowed to, as the query says it. */
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

export interface Decision {
  readonly allowed: boolean
  /** Refused by an authoriser whose word is final, and not only for want of a permission. */
  readonly denied?: boolean
  /** Allowed: which rule did it. Refused: the sentence for the 403, as in `pods is forbidden: <reason>`. */
  readonly reason: string
  /** The authorisers' own words, without the sentence: for reviews. */
  readonly why?: string
  /** Why rules could not be used (a binding names a role that does not exist); for SubjectAccessReview.status.evaluationError. */
  readonly evaluationError?: string | undefined
}

/** Undefined, or neither `allowed` nor `denied`: the next authoriser is asked; reasons are gathered for the refusal. */
export type Opinion =
  | {
      readonly allowed: boolean
      readonly denied?: boolean
      readonly reason: string
      readonly error?: string | undefined
    }
  | undefined

/** One link of the chain. Answers at once where it can: only what asks over the network gives a promise. */
export interface AuthorizerModule {
  readonly name: string
  authorize(user: UserInfo, attributes: Attributes): Opinion | Promise<Opinion>
}

export const combined = ({ resource, subresource }: Attributes) =>
  subresource ? `${resource}/${subresource}` : resource

const quoted = (text: string) => JSON.stringify(text)
/** k8s: nothing that a client chose may look like HTML. */
const harmless = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export function denialSentence(user: UserInfo, attributes: Attributes, why = ''): string {
  const { isResource, verb, path, group, namespace } = attributes
  const tail = why ? `: ${why}` : ''
  if (!isResource) return harmless(`User ${quoted(user.name)} cannot ${verb} path ${quoted(path)}`) + tail
  const where = namespace ? `in the namespace ${quoted(namespace)}` : 'at the cluster scope'
  const what = `resource ${quoted(combined(attributes))} in API group ${quoted(group)}`
  return harmless(`User ${quoted(user.name)} cannot ${verb} ${what} ${where}`) + tail
}
