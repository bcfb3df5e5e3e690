// The webhooks there are, in the order in which they are called: by their configuration's name, then by position. Follows the store
// synchronously, so that a configuration holds for the next request; empty, it costs nothing.
import { MutatingWebhookConfiguration } from '../../../api/kinds/mutating-webhook-configuration.ts'
import { ValidatingWebhookConfiguration } from '../../../api/kinds/validating-webhook-configuration.ts'
import { type Located, prefixOf } from '../../storage/keys.ts'
import type { Entry, Store } from '../../storage/store.ts'
import { type Configuration, type Hook, hooksOf } from './hook.ts'

export class HookIndex {
  readonly #byConfiguration = new Map<string, readonly Hook[]>()
  readonly #follower: { close(): void }
  #hooks: readonly Hook[] = []

  private constructor(follow: (set: (entry: Entry, present: boolean) => void) => { close(): void }) {
    this.#follower = follow((entry, present) => this.#set(entry, present))
  }

  static mutating = (store: Store) => HookIndex.#open(store, MutatingWebhookConfiguration)
  static validating = (store: Store) => HookIndex.#open(store, ValidatingWebhookConfiguration)

  static async #open(store: Store, kind: Located): Promise<HookIndex> {
    const prefix = prefixOf(kind)
    const { entries, revision } = await store.list(prefix)
    return new HookIndex((set) => {
      for (const entry of entries) set(entry, true)
      return store.follow(prefix, revision, ({ type, entry }) => set(entry, type === 'put'))
    })
  }

  get hooks(): readonly Hook[] {
    return this.#hooks
  }

  close(): void {
    this.#follower.close()
  }

  #set({ object }: Entry, present: boolean): void {
    const configuration = object as unknown as Configuration
    const { name } = configuration.metadata
    if (present) this.#byConfiguration.set(name, hooksOf(configuration))
    else this.#byConfiguration.delete(name)
    const names = [...this.#byConfiguration.keys()].sort()
    this.#hooks = names.flatMap((each) => this.#byConfiguration.get(each)!)
  }
}
