// Whether a webhook concerns a request: by rules (under equivalent resources too), namespace and object selectors. Pure decisions
// over plain data; matchConditions are asked afterwards, by whoever calls.
import type { Kind } from '../../../api/kinds/kind.ts'
import { type Labels, matches, type Selector } from '../../../api/meta/label-selector.ts'
import type { DeepReadonly } from '../../../api/meta/object.ts'
import type { RuleWithOperations } from '../../../api/types/admissionregistration.v1.ts'
import type { AdmissionRequest } from '../admission.ts'
import type { Hook } from './hook.ts'

/** A resource as rules speak of it. */
export interface Resource {
  readonly group: string
  readonly version: string
  readonly plural: string
}

const ADMISSION_GROUP = 'admissionregistration.k8s.io'

/** k8s: what configures admission is never sent to it: a webhook could lock everybody out for good. */
export const isExempt = ({ group, kind }: Pick<Kind, 'group' | 'kind'>) =>
  group === ADMISSION_GROUP &&
  /^(Validating|Mutating)(WebhookConfiguration|AdmissionPolicy|AdmissionPolicyBinding)$/.test(kind)

export const isNamespaceKind = ({ group, plural }: Resource) => group === '' && plural === 'namespaces'

/** k8s: requests about a Namespace are in the namespace that they are about. */
export const namespaceOfRequest = ({ kind, namespace, name }: Pick<AdmissionRequest, 'kind' | 'namespace' | 'name'>) =>
  isNamespaceKind(kind) ? name : namespace

/**
 * The kind under which the webhook is told of the request: the request's own, or an equivalent one that a rule names.
 * Undefined: none of its rules concerns the request.
 * @param equivalents other kinds that show the same objects
 */
export function matchingKind(hook: Hook, request: AdmissionRequest, equivalents: readonly Kind[]): Kind | undefined {
  const { rules = [], matchPolicy } = hook.spec
  if (rules.some((rule) => ruleMatches(rule, request, request.kind))) return request.kind
  if (matchPolicy !== 'Equivalent') return undefined
  for (const rule of rules) {
    const found = equivalents.find((kind) => ruleMatches(rule, request, kind))
    if (found) return found
  }
  return undefined
}

export function ruleMatches(
  rule: DeepReadonly<RuleWithOperations>,
  request: AdmissionRequest,
  resource: Resource,
): boolean {
  return (
    scopeMatches(rule.scope, request, resource) &&
    allows(rule.operations, request.operation) &&
    allows(rule.apiGroups, resource.group) &&
    allows(rule.apiVersions, resource.version) &&
    (rule.resources ?? []).some((text) => resourceMatches(text, resource.plural, request.subresource))
  )
}

const allows = (items: readonly string[] | undefined, wanted: string) =>
  items?.some((item) => item === '*' || item === wanted) === true

function resourceMatches(text: string, plural: string, subresource: string): boolean {
  const slash = text.indexOf('/')
  const [own, sub] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)]
  return (own === '*' || own === plural) && (sub === '*' || sub === subresource)
}

function scopeMatches(scope: string | undefined, request: AdmissionRequest, resource: Resource): boolean {
  if (scope === undefined || scope === '*') return true
  const namespaced = !isNamespaceKind(resource) && namespaceOfRequest(request) !== ''
  return scope === 'Namespaced' ? namespaced : scope === 'Cluster' && !namespaced
}

const selectsAll = ({ requirements, nothing }: Selector) => requirements.length === 0 && !nothing

export function objectMatches({ objectSelector }: Hook, { object, old }: AdmissionRequest): boolean {
  if (selectsAll(objectSelector)) return true
  const of = (obj: typeof old | undefined) => obj !== undefined && matches(objectSelector, labelsOf(obj))
  return of(object) || of(old)
}

const labelsOf = (obj: object): Labels | undefined => (obj as { metadata?: { labels?: Labels } }).metadata?.labels

/** Whether the answer needs the namespace's labels at all. */
export function asksForNamespace({ namespaceSelector }: Hook, request: AdmissionRequest): boolean {
  if (selectsAll(namespaceSelector)) return false
  return isNamespaceKind(request.kind) || request.namespace !== ''
}

/** @param labels of the namespace that the request is in */
export const namespaceMatches = ({ namespaceSelector }: Hook, labels: Labels | undefined) =>
  matches(namespaceSelector, labels)
