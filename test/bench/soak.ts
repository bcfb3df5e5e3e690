// `npm run soak`: a minute of clients that come and go badly, against the API server over TLS: connections dropped in the middle, watches cut, readers that
// stop reading, requests half sent. Afterwards memory, sockets and timers must be where they were. `-- 300` for five minutes.
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { conformanceServer } from '../conformance/server.ts'
import { Random, SEED } from '../fuzz/random.ts'

const seconds = Number(process.argv[2] ?? 60)
/** Of memory that is in use after a collection. */
const MAY_GROW_BYTES = 12e6
const AT_ONCE = 40
const MAPS = '/api/v1/namespaces/default/configmaps'

const api = await conformanceServer()
const random = new Random(SEED)
for (let i = 0; i < 200; i++) {
  await api.post(MAPS, { metadata: { name: `m${i}` }, data: { text: 'x'.repeat(2000) } })
}

function open(): TLSSocket {
  const { cert, key } = api.pki.admin
  const socket = connect({ host: '127.0.0.1', port: api.port, ca: api.pki.authorityCert, cert, key })
  return socket.on('error', () => undefined)
}
const head = (method: string, path: string, more = '') => `${method} ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`

/** One client's bad manners. */
const MANNERS: readonly ((socket: TLSSocket) => void)[] = [
  () => {},
  (socket) => socket.write(head('GET', MAPS)),
  (socket) => socket.write(head('GET', `${MAPS}?watch=true&allowWatchBookmarks=true`)),
  (socket) => socket.write(head('GET', `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`)),
  (socket) => {
    socket.pause()
    socket.write(head('GET', `${MAPS}?watch=true`) + head('GET', MAPS).repeat(3))
  },
  (socket) =>
    socket.write(`${head('POST', MAPS, 'content-type: application/json\r\ncontent-length: 500\r\n')}{"metadata`),
  (socket) => socket.write(`${head('POST', MAPS, 'transfer-encoding: chunked\r\n')}5\r\n{"met`),
  (socket) => socket.write(head('GET', MAPS).slice(0, 30)),
  (socket) => socket.write('nonsense\r\n\r\n'),
]

async function client(): Promise<void> {
  const socket = open()
  if (random.chance(0.9)) await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve))
  random.pick(MANNERS)(socket)
  await pause(random.below(60))
  if (random.chance(0.5)) socket.end()
  socket.destroy()
}

async function writer(until: number): Promise<void> {
  for (let i = 0; performance.now() < until; i++) {
    await api.patch('merge', `${MAPS}/m${i % 200}`, { data: { i: `${i}` } })
    await pause(50)
  }
}

async function forSeconds(count: number): Promise<number> {
  const until = performance.now() + count * 1000
  let clients = 0
  const lane = async () => {
    for (; performance.now() < until; clients++) await client()
  }
  await Promise.all([writer(until), ...Array.from({ length: AT_ONCE }, lane)])
  return clients
}

interface Held {
  readonly heap: number
  readonly resources: Readonly<Record<string, number>>
}

async function held(): Promise<Held> {
  for (let i = 0; i < 4; i++) {
    await pause(250)
    globalThis.gc?.()
  }
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
  return { heap: process.memoryUsage().heapUsed + process.memoryUsage().external, resources }
}

// What is loaded and kept once is there after the first seconds.
await forSeconds(Math.min(10, seconds))
const before = await held()
const clients = await forSeconds(seconds)
const after = await held()
const grown = after.heap - before.heap
console.log(
  `${clients} clients in ${seconds} s; memory ${(before.heap / 1e6).toFixed(1)} → ${(after.heap / 1e6).toFixed(1)} MB`,
)
console.log('before', before.resources)
console.log('after ', after.resources)
const sockets = ({ resources }: Held) => (resources['TCPSocketWrap'] ?? 0) + (resources['TLSWrap'] ?? 0)
await api.close()
if (grown > MAY_GROW_BYTES || sockets(after) > sockets(before) + 2) {
  console.error('something is kept')
  process.exit(1)
}
