// The policies of one kind that there are, with their bindings, in the order of their names. Follows the store synchronously, so that a
// policy holds for the next request; empty, it costs nothing.
import type { MutatingAdmissionPolicy } from '../../../api/kinds/mutating-admission-policy.ts'
import type { MutatingAdmissionPolicyBinding } from '../../../api/kinds/mutating-admission-policy-binding.ts'
import type { ValidatingAdmissionPolicy } from '../../../api/kinds/validating-admission-policy.ts'
import type { ValidatingAdmissionPolicyBinding } from '../../../api/kinds/validating-admission-policy-binding.ts'
import type { DeepReadonly } from '../../../api/meta/object.ts'
import { type Located, prefixOf } from '../../storage/keys.ts'
import type { Entry, Store } from '../../storage/store.ts'

export interface BoundPolicy<P, B> {
  readonly policy: P
  readonly bindings: readonly B[]
}
export type ValidatingPolicy = DeepReadonly<ValidatingAdmissionPolicy>
export type ValidatingBinding = DeepReadonly<ValidatingAdmissionPolicyBinding>
export type MutatingPolicy = DeepReadonly<MutatingAdmissionPolicy>
export type MutatingBinding = DeepReadonly<MutatingAdmissionPolicyBinding>
export type Policy = ValidatingPolicy | MutatingPolicy
export type Binding = ValidatingBinding | MutatingBinding

export class PolicyIndex<P extends Policy, B extends Binding> {
  readonly #policies = new Map<string, P>()
  readonly #bindings = new Map<string, B>()
  readonly #followers: { close(): void }[] = []
  #bound: readonly BoundPolicy<P, B>[] = []

  static async open<P extends Policy, B extends Binding>(
    store: Store,
    policies: Located,
    bindings: Located,
  ): Promise<PolicyIndex<P, B>> {
    const index = new PolicyIndex<P, B>()
    await index.#follow(store, policies, index.#policies)
    await index.#follow(store, bindings, index.#bindings)
    return index
  }

  /** Those that have a binding. */
  get bound(): readonly BoundPolicy<P, B>[] {
    return this.#bound
  }

  close(): void {
    for (const follower of this.#followers) follower.close()
  }

  async #follow<T>(store: Store, kind: Located, into: Map<string, T>): Promise<void> {
    const prefix = prefixOf(kind)
    const { entries, revision } = await store.list(prefix)
    const set = ({ object }: Entry, present: boolean) => {
      const { name } = object.metadata
      if (present) into.set(name!, object as unknown as T)
      else into.delete(name!)
    }
    for (const entry of entries) set(entry, true)
    this.#combine()
    const follow = ({ type, entry }: { type: string; entry: Entry }) => {
      set(entry, type === 'put')
      this.#combine()
    }
    this.#followers.push(store.follow(prefix, revision, follow))
  }

  #combine(): void {
    const byPolicy = new Map<string, B[]>()
    for (const name of [...this.#bindings.keys()].sort()) {
      const binding = this.#bindings.get(name)!
      const policy = binding.spec.policyName ?? ''
      byPolicy.set(policy, [...(byPolicy.get(policy) ?? []), binding])
    }
    this.#bound = [...this.#policies.keys()].sort().flatMap((name) => {
      const bindings = byPolicy.get(name)
      return bindings ? [{ policy: this.#policies.get(name)!, bindings }] : []
    })
  }
}
