// The process that makes the load: takes jobs from the bench over IPC, answers with figures. Connections are made, and requests
// turned into bytes, before the clock starts.
import { connect as connectHttp2 } from 'node:http2'
import { percentile } from '../measure.ts'
import type { Job, PagesJob, RateJob, Result } from './jobs.ts'
import { type Answer, RawConnection, requestBytes } from './raw-connection.ts'
import type { Target } from './target.ts'
import { runWatch } from './watchers.ts'

interface Connection {
  send(request: Prepared): Promise<Answer>
  close(): void
}
interface Prepared {
  method: string
  path: string
  body: string | undefined
  bytes: Buffer
}

export function runJob(job: Job): Promise<Result> {
  if (job.kind === 'rate') return runRate(job)
  return job.kind === 'pages' ? runPages(job) : runWatch(job)
}

async function runRate(job: RateJob): Promise<Result> {
  const open = job.protocol === 'h2' ? openHttp2 : openHttp1
  const connections = await Promise.all(Array.from({ length: job.connections }, () => open(job.target)))
  const distinct = Math.min(job.total, job.modulo)
  const requests = Array.from({ length: distinct }, (_, i) => {
    const fill = (text: string) => text.replaceAll('#', String((job.first + i) % job.modulo))
    const [path, body] = [fill(job.path), job.body === undefined ? undefined : fill(job.body)]
    return { method: job.method, path, body, bytes: requestBytes(job.method, path, body) }
  })
  const latencies = new Float64Array(job.total)
  let next = 0
  let sizeBytes = 0
  const began = performance.now()
  await Promise.all(
    connections.map(async (connection) => {
      while (next < job.total) {
        const i = next++
        const sent = performance.now()
        const answer = await connection.send(requests[i % distinct]!)
        latencies[i] = performance.now() - sent
        sizeBytes = checked(answer).sizeBytes
      }
    }),
  )
  const seconds = (performance.now() - began) / 1000
  for (const connection of connections) connection.close()
  return figures(latencies, seconds, sizeBytes)
}

/** Walks a collection page by page; the time is that of one page. */
async function runPages({ target, path, rounds }: PagesJob): Promise<Result> {
  const connection = await RawConnection.open(target)
  const latencies: number[] = []
  let sizeBytes = 0
  const began = performance.now()
  for (let round = 0; round < rounds; round++) {
    let next = ''
    do {
      const request = requestBytes('GET', `${path}${next && `&continue=${next}`}`)
      const sent = performance.now()
      const answer = await connection.send(request, true)
      latencies.push(performance.now() - sent)
      sizeBytes = checked(answer).sizeBytes
      next = encodeURIComponent(/"continue":"([^"]+)"/.exec(answer.body!)?.[1] ?? '')
    } while (next)
  }
  connection.close()
  return figures(latencies, (performance.now() - began) / 1000, sizeBytes)
}

export function figures(latenciesMs: ArrayLike<number>, seconds: number, sizeBytes = 0): Result {
  const all = Array.from(latenciesMs)
  return { count: all.length, seconds, p50Ms: percentile(all, 50), p99Ms: percentile(all, 99), sizeBytes }
}

export function checked(answer: Answer): Answer {
  if (answer.status >= 300) throw new Error(`answered with ${answer.status}: ${answer.body?.slice(0, 300)}`)
  return answer
}

async function openHttp1(target: Target): Promise<Connection> {
  const connection = await RawConnection.open(target)
  return { send: ({ bytes }) => connection.send(bytes), close: () => connection.close() }
}

async function openHttp2({ port, ca, cert, key }: Target): Promise<Connection> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, cert, key, settings: { initialWindowSize: 2 ** 24 } })
  await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject))
  return {
    close: () => session.close(),
    send: ({ method, path, body }) =>
      new Promise((resolve, reject) => {
        const head = {
          ':method': method,
          ':path': path,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        }
        const stream = session.request(head, { endStream: body === undefined })
        const answer = { status: 0, sizeBytes: 0 }
        stream.once('response', (headers) => {
          answer.status = headers[':status'] ?? 0
        })
        stream.on('data', (chunk: Buffer) => {
          answer.sizeBytes += chunk.length
        })
        stream.once('error', reject)
        stream.once('end', () => resolve(answer))
        if (body !== undefined) stream.end(body)
      }),
  }
}

if (process.send) {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (job: Job) => {
    runJob(job).then(
      (result) => process.send!({ result }),
      (err: Error) => process.send!({ error: err.message }),
    )
  })
}
