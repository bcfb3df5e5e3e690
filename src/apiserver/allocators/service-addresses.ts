// Keeps the addresses and node ports of Services apart. What is in use is read from the store: an index that follows the Services
// synchronously, plus the claims of writes that are under way. Nothing of it is stored by itself.
import type { Kind } from '../../api/kinds/kind.ts'
import { Service } from '../../api/kinds/service.ts'
import { type FieldError, invalidObject } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import type { Obj } from '../registry/call.ts'
import type { Claim, CommitHooks } from '../registry/commit-hooks.ts'
import { prefixOf } from '../storage/keys.ts'
import type { ListResult, Store } from '../storage/store.ts'
import { heldBy, planService, type Ranges, type Taken, type Used } from './service-plan.ts'

export class ServiceAddresses implements CommitHooks {
  readonly #ranges: Ranges
  readonly #random: () => number
  /** By store key: what committed Services hold. */
  readonly #heldByKey = new Map<string, Taken>()
  readonly #users = new Map<string, number>()
  readonly #following: { close(): void }

  private constructor(store: Store, { entries, revision }: ListResult, ranges: Ranges, random: () => number) {
    this.#ranges = ranges
    this.#random = random
    const held = (object: KubeObject) => heldBy(object as unknown as DeepReadonly<Service>)
    for (const { key, object } of entries) this.#set(key, held(object))
    this.#following = store.follow(prefixOf(Service as never), revision, ({ type, entry }) => {
      this.#set(entry.key, type === 'put' ? held(entry.object) : undefined)
    })
  }

  static async open(store: Store, ranges: Ranges, random: () => number): Promise<ServiceAddresses> {
    return new ServiceAddresses(store, await store.list(prefixOf(Service as never)), ranges, random)
  }

  close(): void {
    this.#following.close()
  }

  claim(kind: Kind, next: KubeObject, old: Obj | undefined): Claim | undefined {
    if ((kind as unknown) !== Service) return undefined
    const service = next as unknown as Service
    const before = old as DeepReadonly<Service> | undefined
    const own = before ? heldBy(before) : { addresses: [], ports: [] }
    const used: Used = {
      hasAddress: (address) => !own.addresses.includes(address) && this.#users.has(address),
      hasPort: (port) => !own.ports.includes(port) && this.#users.has(String(port)),
    }
    const errors: FieldError[] = []
    const taken = planService(service, before, this.#ranges, used, this.#random, errors)
    if (errors.length > 0) throw invalidObject(kind, next.metadata.name, errors)
    this.#count(taken, 1)
    // The index has seen the write by the time it resolves, so that a claim can simply be dropped either way.
    const done = () => this.#count(taken, -1)
    return { committed: done, dropped: done }
  }

  #set(key: string, held: Taken | undefined): void {
    const before = this.#heldByKey.get(key)
    if (before) this.#count(before, -1)
    if (held) {
      this.#heldByKey.set(key, held)
      this.#count(held, 1)
    } else this.#heldByKey.delete(key)
  }

  #count({ addresses, ports }: Taken, by: 1 | -1): void {
    for (const name of [...addresses, ...ports.map(String)]) {
      const users = (this.#users.get(name) ?? 0) + by
      if (users > 0) this.#users.set(name, users)
      else this.#users.delete(name)
    }
  }
}
