// The admission plug-in of ValidatingAdmissionPolicy. Here is only what a cluster without policies needs: the index of what there is.
// What evaluates expressions is loaded for the first request after the first policy, or with the first policy that is written.
import { ValidatingAdmissionPolicy } from '../../../api/kinds/validating-admission-policy.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { isKind } from '../lookup.ts'
import { isExempt } from '../webhooks/match.ts'
import { PolicyIndex } from './policy-index.ts'
import type { PolicyParts, ValidatingPolicies } from './validating.ts'

export class AdmissionPolicies {
  readonly validating: AdmissionPlugin
  readonly #parts: PolicyParts
  readonly #index: PolicyIndex
  #policies: Promise<ValidatingPolicies> | undefined

  private constructor(parts: PolicyParts, index: PolicyIndex) {
    this.#parts = parts
    this.#index = index
    this.validating = { name: 'ValidatingAdmissionPolicy', validate: (request) => this.#validate(request) }
  }

  static async open(parts: PolicyParts): Promise<AdmissionPolicies> {
    return new AdmissionPolicies(parts, await PolicyIndex.open(parts.store))
  }

  close(): void {
    this.#index.close()
  }

  #validate(request: AdmissionRequest): Promise<void> | undefined {
    const { bound } = this.#index
    if (isExempt(request.kind)) {
      if (!isKind(request.kind, ValidatingAdmissionPolicy) || !request.object || request.subresource) return undefined
      return import('./policy-check.ts').then(({ checkPolicy }) => checkPolicy(request.object as never))
    }
    if (bound.length === 0) return undefined
    this.#policies ??= import('./validating.ts').then(({ ValidatingPolicies }) => new ValidatingPolicies(this.#parts))
    return this.#policies.then((policies) => policies.validate(request, bound))
  }
}
