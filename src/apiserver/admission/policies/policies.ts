// The admission plug-ins of ValidatingAdmissionPolicy and MutatingAdmissionPolicy. Here is only what a cluster without policies needs:
// the indexes of what there is. What evaluates expressions is loaded for the first request after the first policy.
import type { Kind } from '../../../api/kinds/kind.ts'
import { MutatingAdmissionPolicy } from '../../../api/kinds/mutating-admission-policy.ts'
import { MutatingAdmissionPolicyBinding } from '../../../api/kinds/mutating-admission-policy-binding.ts'
import { ValidatingAdmissionPolicy } from '../../../api/kinds/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '../../../api/kinds/validating-admission-policy-binding.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { isExempt } from '../webhooks/match.ts'
import type { PolicyParts } from './matcher.ts'
import type { MutatingPolicies } from './mutating.ts'
import {
  type MutatingBinding,
  type MutatingPolicy,
  PolicyIndex,
  type ValidatingBinding,
  type ValidatingPolicy,
} from './policy-index.ts'
import type { ValidatingPolicies } from './validating.ts'

export class AdmissionPolicies {
  readonly mutating: AdmissionPlugin = {
    name: 'MutatingAdmissionPolicy',
    mutate: (request) => this.#mutate(request),
  }
  readonly validating: AdmissionPlugin = {
    name: 'ValidatingAdmissionPolicy',
    validate: (request) => this.#validate(request),
  }
  readonly #parts: PolicyParts
  readonly #mutatingIndex: PolicyIndex<MutatingPolicy, MutatingBinding>
  readonly #validatingIndex: PolicyIndex<ValidatingPolicy, ValidatingBinding>
  #mutatingPolicies: Promise<MutatingPolicies> | undefined
  #validatingPolicies: Promise<ValidatingPolicies> | undefined

  private constructor(
    parts: PolicyParts,
    mutating: PolicyIndex<MutatingPolicy, MutatingBinding>,
    validating: PolicyIndex<ValidatingPolicy, ValidatingBinding>,
  ) {
    this.#parts = parts
    this.#mutatingIndex = mutating
    this.#validatingIndex = validating
  }

  static async open(parts: PolicyParts): Promise<AdmissionPolicies> {
    const { store } = parts
    return new AdmissionPolicies(
      parts,
      await PolicyIndex.open(store, MutatingAdmissionPolicy as never, MutatingAdmissionPolicyBinding as never),
      await PolicyIndex.open(store, ValidatingAdmissionPolicy as never, ValidatingAdmissionPolicyBinding as never),
    )
  }

  close(): void {
    this.#mutatingIndex.close()
    this.#validatingIndex.close()
  }

  #mutate(request: AdmissionRequest): Promise<void> | undefined {
    const { bound } = this.#mutatingIndex
    if (bound.length === 0 || isOutOfReach(request.kind)) return undefined
    this.#mutatingPolicies ??= import('./mutating.ts').then(({ MutatingPolicies }) => new MutatingPolicies(this.#parts))
    return this.#mutatingPolicies.then((policies) => policies.mutate(request, bound))
  }

  #validate(request: AdmissionRequest): Promise<void> | undefined {
    const { bound } = this.#validatingIndex
    if (bound.length === 0 || isOutOfReach(request.kind)) return undefined
    this.#validatingPolicies ??= import('./validating.ts').then(
      ({ ValidatingPolicies }) => new ValidatingPolicies(this.#parts),
    )
    return this.#validatingPolicies.then((policies) => policies.validate(request, bound))
  }
}

/** k8s: beside what configures admission, questions about identity and access are no policy's affair. */
const isOutOfReach = (kind: Kind): boolean => isExempt(kind) || QUESTIONS.test(`${kind.group}/${kind.kind}`)
const QUESTIONS = /^(authentication|authorization)\.k8s\.io\/\w+Review$/
