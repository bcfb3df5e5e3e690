// ValidatingAdmissionPolicy at work: what the decisions of the policies that concern a request do: refuse, warn, or leave a note in the
// audit log.
import { StatusError } from '../../../api/meta/errors.ts'
import { type AdmissionRequest, refused } from '../admission.ts'
import { Questions } from '../cel-request.ts'
import { requestOf } from '../webhooks/review.ts'
import { type Invocation, Misconfiguration, PolicyMatcher, type PolicyParts, shownAs } from './matcher.ts'
import type { BoundPolicy, ValidatingBinding, ValidatingPolicy } from './policy-index.ts'
import { PolicyMetrics } from './policy-metrics.ts'
import { type Denial, type Outcome, PolicyProgram } from './policy-program.ts'

type Invoked = Invocation<ValidatingPolicy, ValidatingBinding>
const FAILURE_ANNOTATION = 'validation.policy.admission.k8s.io/validation_failure'
const CODES: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
}

export class ValidatingPolicies {
  readonly #parts: PolicyParts
  readonly #matcher: PolicyMatcher
  readonly #metrics: PolicyMetrics
  readonly #programs = new WeakMap<ValidatingPolicy, PolicyProgram>()

  constructor(parts: PolicyParts) {
    this.#parts = parts
    this.#matcher = new PolicyMatcher(parts)
    this.#metrics = new PolicyMetrics(parts.metrics, 'validating')
  }

  /** @throws StatusError of the first denial */
  async validate(
    request: AdmissionRequest,
    policies: readonly BoundPolicy<ValidatingPolicy, ValidatingBinding>[],
  ): Promise<void> {
    const verdict = new Verdict(request, this.#metrics)
    for (const invoked of await this.#matcher.invocations(request, policies)) {
      const { policy, params } = invoked
      if (params instanceof Misconfiguration) {
        if (policy.spec.failurePolicy !== 'Ignore') verdict.misconfigured(invoked, params)
        continue
      }
      if (params.length === 0) continue
      const { clock } = this.#parts
      const startedMs = clock.now()
      const outcomes = await this.#outcomes(invoked, params, request)
      const seconds = (clock.now() - startedMs) / 1000
      for (const outcome of outcomes) verdict.take(invoked, outcome, seconds)
    }
    verdict.publish()
  }

  async #outcomes({ policy, kind }: Invoked, params: readonly unknown[], request: AdmissionRequest) {
    const shown = await shownAs(request, kind)
    const namespaceObject = (await this.#matcher.namespaceObject(request)) ?? null
    let program = this.#programs.get(policy)
    if (!program) {
      program = new PolicyProgram(policy)
      this.#programs.set(policy, program)
    }
    const questions = new Questions(this.#parts.authorize, request)
    const values = {
      object: shown.object ?? null,
      oldObject: shown.old ?? null,
      request: () => requestOf('', request, shown),
      namespaceObject,
      ...questions.bindings,
    }
    const decided = program
    return questions.settle(() => params.map((param) => decided.decide({ ...values, params: param ?? null })))
  }
}

/** What has been decided about one request so far. */
class Verdict {
  readonly #request: AdmissionRequest
  readonly #metrics: PolicyMetrics
  /** k8s: the first one stands for all. */
  #failure: object | undefined
  readonly #annotations = new Map<string, Set<string>>()
  #first: StatusError | undefined

  constructor(request: AdmissionRequest, metrics: PolicyMetrics) {
    this.#request = request
    this.#metrics = metrics
  }

  misconfigured(invoked: Invoked, { message }: Misconfiguration): void {
    this.#deny(invoked, `failed to configure binding: ${message}`, '')
  }

  take(invoked: Invoked, { denials, ignored, annotations }: Outcome, seconds: number): void {
    const policy = invoked.policy.metadata.name
    const binding = invoked.binding.metadata.name
    const count = (error: Error | undefined, action: string) =>
      this.#metrics.observe(policy, binding, error, seconds, action)
    for (const error of ignored) count(error, 'allow')
    for (const denial of denials) {
      for (const action of actionsOf(invoked, denial)) {
        count(denial.error, action.toLowerCase())
        this.#act(action, invoked, denial)
      }
    }
    for (const { key, value } of annotations) {
      const name = `${policy}/${key}`
      const values = this.#annotations.get(name) ?? new Set()
      this.#annotations.set(name, values.add(value))
    }
  }

  #act(action: string, invoked: Invoked, { message, reason, index }: Denial): void {
    if (action === 'Deny') this.#deny(invoked, message, reason)
    else if (action === 'Warn') this.#request.warn(`Validation failed for ${nameOf(invoked)}: ${message}`)
    else {
      const { policyName, validationActions } = invoked.binding.spec
      const binding = invoked.binding.metadata.name
      this.#failure ??= { message, policy: policyName, binding, expressionIndex: index, validationActions }
    }
  }

  #deny(invoked: Invoked, message: string, reason: string): void {
    this.#first ??= denied(this.#request, `${nameOf(invoked)} denied request: ${message}`, reason)
  }

  /** @throws StatusError of the first denial */
  publish(): void {
    for (const [key, values] of this.#annotations) this.#request.annotate(key, [...values].join(', '))
    if (this.#failure) this.#request.annotate(FAILURE_ANNOTATION, JSON.stringify([this.#failure]))
    if (this.#first) throw this.#first
  }
}

const actionsOf = ({ binding }: Invoked, { always }: Denial): readonly string[] =>
  always ? ['Deny'] : (binding.spec.validationActions ?? ['Deny'])

const nameOf = ({ policy, binding }: Invoked) =>
  `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`

function denied(request: AdmissionRequest, message: string, reason: string): StatusError {
  const { message: text, details } = refused(request, message)
  const shown = reason || 'Invalid'
  return new StatusError(CODES[shown] ?? 422, shown, text, { ...details, causes: [{ message }] })
}
