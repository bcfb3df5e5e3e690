// ValidatingAdmissionPolicy at work: which policies concern a request, with which parameters, and what their denials do: refuse, warn,
// or leave a note in the audit log.

import type { Kind } from '../../../api/kinds/kind.ts'
import { Namespace } from '../../../api/kinds/namespace.ts'
import { notFound, StatusError } from '../../../api/meta/errors.ts'
import { fromLabelSelector, matches, type Selector } from '../../../api/meta/label-selector.ts'
import type { DeepReadonly, KubeObject } from '../../../api/meta/object.ts'
import type { MatchResources } from '../../../api/types/admissionregistration.v1.ts'
import type { Authorize } from '../../authorize.ts'
import type { Resources } from '../../resources.ts'
import type { Store } from '../../storage/store.ts'
import { type AdmissionRequest, refused } from '../admission.ts'
import { Questions } from '../cel-request.ts'
import { Lookup } from '../lookup.ts'
import { convert, Equivalents } from '../webhooks/equivalents.ts'
import {
  asksForNamespace,
  isNamespaceKind,
  matchingKind,
  namespaceMatches,
  namespaceOfRequest,
  objectMatches,
} from '../webhooks/match.ts'
import { requestOf, type ShownAs } from '../webhooks/review.ts'
import type { Binding, BoundPolicy, Policy } from './policy-index.ts'
import { type Denial, PolicyProgram } from './policy-program.ts'

export interface PolicyParts {
  readonly store: Store
  readonly resources: Resources
  readonly authorize: Authorize
}
type Match = DeepReadonly<MatchResources>
const FAILURE_ANNOTATION = 'validation.policy.admission.k8s.io/validation_failure'
const CODES: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
}

/** The policy cannot be applied as it is configured. */
class ConfigurationError extends Error {}

export class ValidatingPolicies {
  readonly #lookup: Lookup
  readonly #resources: Resources
  readonly #authorize: Authorize
  readonly #equivalents: Equivalents
  readonly #programs = new WeakMap<Policy, PolicyProgram>()

  constructor({ store, resources, authorize }: PolicyParts) {
    this.#lookup = new Lookup(store)
    this.#resources = resources
    this.#authorize = authorize
    this.#equivalents = new Equivalents(resources)
  }

  /** @throws StatusError of the first denial */
  async validate(request: AdmissionRequest, policies: readonly BoundPolicy[]): Promise<void> {
    let first: StatusError | undefined
    const failures: object[] = []
    const deny = (policy: Policy, binding: Binding, denial: Denial) => {
      const [name, bindingName] = [policy.metadata.name, binding.metadata.name]
      const actions = binding.spec.validationActions ?? ['Deny']
      const where = `ValidatingAdmissionPolicy '${name}' with binding '${bindingName}'`
      if (actions.includes('Deny'))
        first ??= denied(request, `${where} denied request: ${denial.message}`, denial.reason)
      if (actions.includes('Warn')) request.warn(`Validation failed for ${where}: ${denial.message}`)
      if (actions.includes('Audit')) {
        failures.push({
          message: denial.message,
          policy: name,
          binding: bindingName,
          expressionIndex: denial.index ?? 0,
          validationActions: actions,
        })
      }
    }
    for (const { policy, bindings } of policies) {
      const kind = await this.#matches(policy.spec.matchConstraints, request)
      if (!kind) continue
      const annotations = new Map<string, string[]>()
      for (const binding of bindings) {
        const { matchResources } = binding.spec
        if (matchResources && !(await this.#matches(matchResources, request))) continue
        try {
          for (const outcome of await this.#outcomes(policy, binding, kind, request)) {
            for (const denial of outcome.denials) deny(policy, binding, denial)
            for (const { key, value } of outcome.annotations)
              annotations.set(key, [...(annotations.get(key) ?? []), value])
          }
        } catch (err) {
          if (!(err instanceof ConfigurationError)) throw err
          if (policy.spec.failurePolicy === 'Ignore') continue
          const where = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`
          first ??= denied(request, `${where} denied request: failed to configure binding: ${err.message}`, '')
        }
      }
      for (const [key, values] of annotations) {
        request.annotate(`${policy.metadata.name}/${key}`, [...new Set(values)].join(', '))
      }
    }
    if (failures.length > 0) request.annotate(FAILURE_ANNOTATION, JSON.stringify(failures))
    if (first) throw first
  }

  async #outcomes(policy: Policy, binding: Binding, kind: Kind, request: AdmissionRequest) {
    const params = await this.#params(policy, binding, request)
    if (params.length === 0) return []
    const shown = await shownAs(request, kind)
    const namespace = isNamespaceKind(request.kind) ? undefined : await this.#namespace(request)
    let program = this.#programs.get(policy)
    if (!program) {
      program = new PolicyProgram(policy)
      this.#programs.set(policy, program)
    }
    const questions = new Questions(this.#authorize, request)
    const values = {
      object: shown.object ?? null,
      oldObject: shown.old ?? null,
      request: () => requestOf('', request, shown),
      namespaceObject: namespace ?? null,
      ...questions.bindings,
    }
    const decided = program
    return questions.settle(() => params.map((param) => decided.decide({ ...values, params: param ?? null })))
  }

  /** The kind under which the policy sees the request; undefined: it does not concern it. */
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
    if (excludeResourceRules?.length && this.#named(excludeResourceRules, request, equivalents, spec)) return undefined
    // k8s: a binding without rules follows its policy
    const kind = resourceRules?.length ? this.#named(resourceRules, request, equivalents, spec) : request.kind
    if (!kind) return undefined
    if (!asksForNamespace(spec([]), request)) return kind
    const labels = isNamespaceKind(request.kind)
      ? (request.object ?? (request.old as KubeObject | undefined))?.metadata.labels
      : (await this.#namespace(request))?.metadata.labels
    return namespaceMatches(spec([]), labels) ? kind : undefined
  }

  #named(
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

  async #namespace(request: AdmissionRequest) {
    const name = namespaceOfRequest(request)
    if (!name) return undefined
    const namespace = await this.#lookup.get(Namespace, name)
    if (!namespace) throw notFound({ group: '', resource: 'namespaces' }, name)
    return namespace
  }

  /** One undefined where the policy takes none. @throws ConfigurationError */
  async #params(policy: Policy, binding: Binding, request: AdmissionRequest): Promise<readonly (object | undefined)[]> {
    const { paramKind } = policy.spec
    const { paramRef } = binding.spec
    if (!paramKind || !paramRef) return [undefined]
    const kind = this.#resources.findKind(paramKind.apiVersion ?? '', paramKind.kind ?? '')
    if (!kind) {
      throw new ConfigurationError(
        `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`,
      )
    }
    const namespaced = kind.scope === 'Namespaced'
    const namespace = namespaced ? paramRef.namespace || namespaceOfRequest(request) : undefined
    if (namespaced && !namespace) {
      throw new ConfigurationError(
        'cannot use namespaced paramRef in policy bindings that match cluster-scoped resources',
      )
    }
    if (!namespaced && paramRef.namespace) {
      throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
    }
    const found = paramRef.name
      ? [await this.#lookup.get(kind, paramRef.name, namespace)].filter((param) => param !== undefined)
      : (await this.#lookup.list(kind, namespace)).filter((param) =>
          matches(fromLabelSelector(paramRef.selector), param.metadata.labels),
        )
    if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
      throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction')
    }
    return found.map((param) => ({ ...param, apiVersion: kind.apiVersion, kind: kind.kind }))
  }
}

/** The objects in the version that the policy's rules name. */
async function shownAs({ object, old, kind: own, bodyKind }: AdmissionRequest, kind: Kind): Promise<ShownAs> {
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

function denied(request: AdmissionRequest, message: string, reason: string): StatusError {
  const { message: text, details } = refused(request, message)
  const shown = reason || 'Invalid'
  return new StatusError(CODES[shown] ?? 422, shown, text, { ...details, causes: [{ message }] })
}
