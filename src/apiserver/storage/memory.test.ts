import { openMemoryStore } from './memory.ts'
import { storeSuite } from './store-suite.ts'

storeSuite('memory', async (options) => {
  const store = openMemoryStore(options)
  return { store, dispose: () => store.close() }
})
