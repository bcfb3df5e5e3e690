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
}

export interface Decision {
  readonly allowed: boolean
  /** Allowed: which rule did it. Refused: the sentence for the 403, as in `pods is forbidden: <reason>`. */
  readonly reason: string
  /** Why rules could not be used (a binding names a role that does not exist); for SubjectAccessReview.status.evaluationError. */
  readonly evaluationError?: string | undefined
}

/** `undefined`: no opinion, the next authoriser is asked. */
export type Opinion = { readonly allowed: boolean; readonly reason: string } | undefined

export const combined = ({ resource, subresource }: Attributes) =>
  subresource ? `${resource}/${subresource}` : resource

const quoted = (text: string) => JSON.stringify(text)

export function denialSentence(user: UserInfo, attributes: Attributes, why = ''): string {
  const { isResource, verb, path, group, namespace } = attributes
  const tail = why ? `: ${why}` : ''
  if (!isResource) return `User ${quoted(user.name)} cannot ${verb} path ${quoted(path)}${tail}`
  const where = namespace ? `in the namespace ${quoted(namespace)}` : 'at the cluster scope'
  return `User ${quoted(user.name)} cannot ${verb} resource ${quoted(combined(attributes))} in API group ${quoted(group)} ${where}${tail}`
}
