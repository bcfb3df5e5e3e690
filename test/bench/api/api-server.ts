// The API server alone, on a LevelDB directory, in a process of its own.
import { join } from 'node:path'
import { createApiServer } from '../../../src/apiserver/server.ts'
import { openLevelStore } from '../../../src/apiserver/storage/leveldb.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { ensurePki } from '../../../src/base/pki.ts'

const [dataDir = '', port = ''] = process.argv.slice(2)
const ctx = { signal: new AbortController().signal, log: silentLogger }
const pki = await ensurePki(ctx, join(dataDir, 'pki'), { addresses: [], dnsNames: [], clock: systemClock })
const store = await openLevelStore(ctx, join(dataDir, 'db'))
const server = await createApiServer({ store, clock: systemClock, log: silentLogger, pki, serviceCIDR: '10.96.0.0/16' })
await server.listen({ host: '127.0.0.1', port: Number(port) })
const hold = setInterval(() => {}, 2 ** 30)
process.once('SIGTERM', async () => {
  await server.close()
  await store.close()
  clearInterval(hold)
})
