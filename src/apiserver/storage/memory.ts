// The store without a disk: for tests, stories and throw-away clusters. A write is committed at once.
import { Engine, type Journal, NOTHING_LOADED, type StoreOptions } from './engine.ts'
import type { Store } from './store.ts'

const noJournal: Journal = {
  mustPersist: () => false,
  commit: () => undefined,
  dropped() {},
  async close() {},
}

export function openMemoryStore(options: StoreOptions = {}): Store {
  return new Engine(noJournal, NOTHING_LOADED, options)
}
