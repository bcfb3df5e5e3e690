// The validating policies there are, with their bindings, in the order of their names. Follows the store synchronously, so that a policy
// holds for the next request; empty, it costs nothing.
import { ValidatingAdmissionPolicy } from '../../../api/kinds/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '../../../api/kinds/validating-admission-policy-binding.ts'
import type { DeepReadonly } from '../../../api/meta/object.ts'
import { type Located, prefixOf } from '../../storage/keys.ts'
import type { Entry, Store } from '../../storage/store.ts'

export type Policy = DeepReadonly<ValidatingAdmissionPolicy>
export type Binding = DeepReadonly<ValidatingAdmissionPolicyBinding>
export interface BoundPolicy {
  readonly policy: Policy
  readonly bindings: readonly Binding[]
}

export class PolicyIndex {
  readonly #policies = new Map<string, Policy>()
  readonly #bindings = new Map<string, Binding>()
  readonly #followers: { close(): void }[] = []
  #bound: readonly BoundPolicy[] = []

  static async open(store: Store): Promise<PolicyIndex> {
    const index = new PolicyIndex()
    await index.#follow(store, ValidatingAdmissionPolicy, index.#policies)
    await index.#follow(store, ValidatingAdmissionPolicyBinding, index.#bindings)
    return index
  }

  /** Those that have a binding. */
  get bound(): readonly BoundPolicy[] {
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
      this.#combine()
    }
    for (const entry of entries) set(entry, true)
    this.#followers.push(store.follow(prefix, revision, ({ type, entry }) => set(entry, type === 'put')))
  }

  #combine(): void {
    const byPolicy = new Map<string, Binding[]>()
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
