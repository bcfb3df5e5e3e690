// Which policies concern a request, as what they see it, and with which parameters: the part that validating and mutating policies share.
import type { Kind } from '../../../api/kinds/kind.ts'
import { Namespace } from '../../../api/kinds/namespace.ts'
import { notFound } from '../../../api/meta/errors.ts'
import { fromLabelSelector, matches, type Selector } from '../../../api/meta/label-selector.ts'
import type { DeepReadonly, KubeObject } from '../../../api/meta/object.ts'
import type { MatchResources } from '../../../api/types/admissionregistration.v1.ts'
import type { Clock } from '../../../base/clock.ts'
import type { Authorize } from '../../authorize.ts'
import type { Metrics } from '../../metrics.ts'
import { view } from '../../registry/stored.ts'
import type { Resources } from '../../resources.ts'
import { keyOf, prefixOf } from '../../storage/keys.ts'
import type { Store } from '../../storage/store.ts'
import type { AdmissionRequest } from '../admission.ts'
import { convert, Equivalents } from '../webhooks/equivalents.ts'
import {
  asksForNamespace,
  isNamespaceKind,
  matchingKind,
  namespaceMatches,
  namespaceOfRequest,
  objectMatches,
} from '../webhooks/match.ts'
import type { ShownAs } from '../webhooks/review.ts'
import type { Binding, BoundPolicy, Policy } from './policy-index.ts'

export interface PolicyParts {
  readonly store: Store
  readonly clock: Clock
  readonly resources: Resources
  readonly metrics: Metrics
  readonly authorize: Authorize
}
export type Match = DeepReadonly<MatchResources>

/** The policy cannot be applied as it is configured. */
export class Misconfiguration extends Error {}

/** A policy and a binding that concern a request. */
export interface Invocation<P, B> {
  readonly policy: P
  readonly binding: B
  /** As the policy's rules name the request's kind. */
  readonly kind: Kind
  /** One undefined where the policy takes none; an error where they cannot be had. */
  readonly params: readonly (KubeObject | undefined)[] | Misconfiguration
}

export class PolicyMatcher {
  readonly #store: Store
  readonly #resources: Resources
  readonly #equivalents: Equivalents

  constructor({ store, resources }: PolicyParts) {
    this.#store = store
    this.#resources = resources
    this.#equivalents = new Equivalents(resources)
  }

  /** In the order of the policies and of their bindings. */
  async invocations<P extends Policy, B extends Binding>(
    request: AdmissionRequest,
    policies: readonly BoundPolicy<P, B>[],
  ): Promise<Invocation<P, B>[]> {
    const found: Invocation<P, B>[] = []
    for (const { policy, bindings } of policies) {
      const kind = await this.#matches(policy.spec.matchConstraints, request)
      if (!kind) continue
      for (const binding of bindings) {
        const { matchResources } = binding.spec
        if (matchResources && !(await this.#matches(matchResources, request))) continue
        found.push({ policy, binding, kind, params: await this.#params(policy, binding, request) })
      }
    }
    return found
  }

  /** As expressions see it: undefined for what is in none. @throws NotFound */
  async namespaceObject(request: AdmissionRequest): Promise<DeepReadonly<KubeObject> | undefined> {
    return isNamespaceKind(request.kind) ? undefined : this.#namespace(request)
  }

  /** The kind under which a policy sees the request; undefined: it does not concern it. */
  async #matches(match: Match | undefined, request: AdmissionRequest): Promise<Kind | undefined> {
    const {
      namespaceSelector = {},
      objectSelector = {},
      resourceRules,
      excludeResourceRules,
      matchPolicy,
    } = match ?? {}
    const hook = {
      uid: '',
      configuration: '',
      conditions: undefined,
      namespaceSelector: selectorOf(namespaceSelector),
      objectSelector: selectorOf(objectSelector),
    }
    const spec = (rules: Match['resourceRules']) => ({ ...hook, spec: { rules, matchPolicy } as never })
    const equivalents = this.#equivalents.of(request.kind)
    if (!objectMatches(spec([]), request)) return undefined
    if (excludeResourceRules?.length && named(excludeResourceRules, request, equivalents, spec)) return undefined
    // k8s: a binding without rules follows its policy
    const kind = resourceRules?.length ? named(resourceRules, request, equivalents, spec) : request.kind
    if (!kind) return undefined
    if (!asksForNamespace(spec([]), request)) return kind
    const labels = isNamespaceKind(request.kind)
      ? (request.object ?? (request.old as KubeObject | undefined))?.metadata.labels
      : (await this.#namespace(request))?.metadata.labels
    return namespaceMatches(spec([]), labels) ? kind : undefined
  }

  async #namespace(request: AdmissionRequest) {
    const name = namespaceOfRequest(request)
    if (!name) return undefined
    const entry = await this.#store.get(keyOf(Namespace as never, undefined, name))
    if (!entry) throw notFound({ group: '', resource: 'namespaces' }, name)
    return entry.object
  }

  async #params(
    policy: Policy,
    binding: Binding,
    request: AdmissionRequest,
  ): Promise<(KubeObject | undefined)[] | Misconfiguration> {
    const { paramKind } = policy.spec
    const { paramRef } = binding.spec
    if (!paramKind || !paramRef) return [undefined]
    const kind = this.#resources.findKind(paramKind.apiVersion ?? '', paramKind.kind ?? '')
    if (!kind) {
      return new Misconfiguration(
        `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`,
      )
    }
    const namespaced = kind.scope === 'Namespaced'
    const namespace = namespaced ? paramRef.namespace || namespaceOfRequest(request) : undefined
    if (namespaced && !namespace) {
      return new Misconfiguration(
        'cannot use namespaced paramRef in policy bindings that match cluster-scoped resources',
      )
    }
    if (!namespaced && paramRef.namespace) {
      return new Misconfiguration('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
    }
    const entries = paramRef.name
      ? [await this.#store.get(keyOf(kind as never, namespace, paramRef.name))].filter((entry) => entry !== undefined)
      : (await this.#store.list(prefixOf(kind as never, namespace))).entries.filter(({ object }) =>
          matches(fromLabelSelector(paramRef.selector), object.metadata.labels),
        )
    if (entries.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
      return new Misconfiguration('no params found for policy binding with `Deny` parameterNotFoundAction')
    }
    const shown = await Promise.all(entries.map((entry) => view(kind, entry)))
    return shown.map(({ object }) => object as KubeObject)
  }
}

function named(
  rules: NonNullable<Match['resourceRules']>,
  request: AdmissionRequest,
  equivalents: readonly Kind[],
  spec: (rules: Match['resourceRules']) => Parameters<typeof matchingKind>[0],
): Kind | undefined {
  for (const rule of rules) {
    const names = rule.resourceNames ?? []
    if (names.length > 0 && !names.includes(request.name)) continue
    const kind = matchingKind(spec([rule]), request, equivalents)
    if (kind) return kind
  }
  return undefined
}

/** The objects in the version that the policy's rules name. */
export async function shownAs(
  { object, old, kind: own, bodyKind }: Pick<AdmissionRequest, 'object' | 'old' | 'kind' | 'bodyKind'>,
  kind: Kind,
): Promise<ShownAs> {
  if (bodyKind || kind === own) return { kind, object, old }
  return {
    kind,
    object: object && (await convert(object, own, kind)),
    old: old && (await convert(old as KubeObject, own, kind)),
  }
}

const selectors = new WeakMap<object, Selector>()
function selectorOf(spec: NonNullable<Match['objectSelector']>): Selector {
  let selector = selectors.get(spec)
  if (!selector) {
    selector = fromLabelSelector(spec)
    selectors.set(spec, selector)
  }
  return selector
}
