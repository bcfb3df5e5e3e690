// How many questions a second the cluster DNS answers over UDP, and how long one takes, beside a bare UDP echo in the same process
// pair: the difference is ours. `node test/bench/dns.ts [seconds]` prints a table and one line of JSON.
import { createSocket } from 'node:dgram'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { runDns } from '../../src/proxy/dns/dns.ts'
import { encodeQuery } from '../../src/proxy/dns/message-writer.ts'
import { HeldCache, makeNamespace, makeService, makeSlice } from '../../src/proxy/dns/test-services.ts'

const LOCAL = '127.0.0.1'
const SERVICES = 1_000
/** Questions under way at once: enough to keep both sides busy, few enough that none is dropped. */
const WINDOW = 64

/** In the worker: what is measured. Tells its port, ends with the worker. */
async function serve(what: 'echo' | 'dns'): Promise<void> {
  if (what === 'echo') {
    const socket = createSocket('udp4')
    socket.on('message', (message, { port, address }) => socket.send(message, port, address))
    socket.bind(0, LOCAL, () => parentPort!.postMessage(socket.address().port))
    return
  }
  const cache = new HeldCache()
  cache.put(makeNamespace('blue'))
  for (let i = 0; i < SERVICES; i++) {
    cache.put(
      makeService(`web-${i}`, { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports: [{ name: 'http', port: 80 }] }),
      makeSlice(`web-${i}`, [{ addresses: [`10.244.${i >> 8}.${i & 255}`] }]),
    )
  }
  await runDns(
    { signal: new AbortController().signal, log: silentLogger },
    {
      cache,
      listen: [{ address: LOCAL, port: 0 }],
      upstreams: () => [],
      clusterDomain: 'cluster.local',
      serviceCIDR: '10.96.0.0/12',
      clock: systemClock,
      onListening: ([endpoint]) => parentPort!.postMessage(endpoint!.port),
    },
  )
}

function questions(): Buffer[] {
  return Array.from({ length: SERVICES }, (_, i) => {
    const labels = `web-${i}.blue.svc.cluster.local`.split('.')
    const name = Buffer.concat(labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]))
    const question = Buffer.concat([name, Buffer.from([0, 0, 1, 0, 1])])
    return encodeQuery(i, question, { checkingDisabled: false, edns: true, dnssecOk: false })
  })
}

interface Measured {
  perSecond: number
  p50Us: number
  p99Us: number
  answered: number
}

/** Keeps `window` questions under way for that long. */
function measure(port: number, window: number, durationMs: number): Promise<Measured> {
  const asked = questions()
  const socket = createSocket('udp4')
  const sentAt = new Float64Array(SERVICES)
  const latenciesUs: number[] = []
  let next = 0
  return new Promise((resolve) => {
    const startMs = performance.now()
    const send = () => {
      const i = next++ % SERVICES
      sentAt[i] = performance.now()
      socket.send(asked[i]!, port, LOCAL)
    }
    socket.on('message', (message) => {
      const nowMs = performance.now()
      latenciesUs.push((nowMs - sentAt[message.readUInt16BE(0)]!) * 1000)
      if (nowMs - startMs < durationMs) return send()
      socket.close()
      latenciesUs.sort((a, b) => a - b)
      const at = (share: number) => Math.round(latenciesUs[Math.floor(latenciesUs.length * share)]!)
      const perSecond = Math.round(latenciesUs.length / ((nowMs - startMs) / 1000))
      resolve({ perSecond, p50Us: at(0.5), p99Us: at(0.99), answered: latenciesUs.length })
    })
    for (let i = 0; i < window; i++) send()
  })
}

async function main(): Promise<void> {
  const durationMs = Number(process.argv[2] ?? 3) * 1000
  const rows: ({ what: string; window: number } & Measured)[] = []
  for (const what of ['echo', 'dns'] as const) {
    const worker = new Worker(new URL(import.meta.url), { workerData: what })
    const port = await new Promise<number>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    await measure(port, WINDOW, 500) // warm
    for (const window of [1, WINDOW]) rows.push({ what, window, ...(await measure(port, window, durationMs)) })
    await worker.terminate()
  }
  console.table(rows)
  console.log(JSON.stringify({ bench: 'dns', services: SERVICES, rows }))
}

if (isMainThread) await main()
else await serve(workerData)
