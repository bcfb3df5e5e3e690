// Watchers on connections of their own, and writers that update what they watch. An event's delay is from sending the update until
// the event is here; each update carries its number, which is looked for in the bytes that arrive.
import type { TLSSocket } from 'node:tls'
import type { Result, WatchJob } from './jobs.ts'
import { checked, figures } from './load.ts'
import { openSocket, RawConnection, requestBytes } from './raw-connection.ts'

const MARK = Buffer.from('"n":"')
/** Enough for the mark and the number behind it, should a chunk end within them. */
const CARRY = 24

export async function runWatch(job: WatchJob): Promise<Result> {
  const total = job.watchers * job.updates
  const sentAt = new Float64Array(job.updates)
  const delays = new Float64Array(total)
  let arrived = 0
  let complete = () => {}
  const all = new Promise<void>((resolve) => {
    complete = resolve
  })
  const note = (n: number) => {
    delays[arrived++] = performance.now() - sentAt[n]!
    if (arrived === total) complete()
  }
  const path = `${job.collection}?watch=1&resourceVersion=${job.resourceVersion}`
  const sockets: TLSSocket[] = []
  for (let i = 0; i < job.watchers; i++) {
    const socket = await openSocket(job.target)
    const begun = new Promise((resolve) => socket.once('data', resolve))
    socket.write(requestBytes('GET', path))
    await begun
    socket.on('data', numbers(note))
    sockets.push(socket)
  }
  const writers = await Promise.all(Array.from({ length: job.writers }, () => RawConnection.open(job.target)))
  const requests = Array.from({ length: job.updates }, (_, n) => {
    const name = `watched-${n % job.writers}`
    const body = job.body.replaceAll('#name', name).replaceAll('#n', String(n))
    return requestBytes('PUT', `${job.collection}/${name}`, body)
  })
  const began = performance.now()
  await Promise.all(
    writers.map(async (writer, w) => {
      for (let n = w; n < job.updates; n += job.writers) {
        if (job.perSecond > 0) await until(began + (n * 1000) / job.perSecond)
        sentAt[n] = performance.now()
        checked(await writer.send(requests[n]!))
      }
    }),
  )
  await all
  const seconds = (performance.now() - began) / 1000
  for (const socket of sockets) socket.destroy()
  for (const writer of writers) writer.close()
  return figures(delays, seconds)
}

function numbers(note: (n: number) => void): (chunk: Buffer) => void {
  let carry: Buffer | undefined
  return (chunk) => {
    const bytes = carry ? Buffer.concat([carry, chunk]) : chunk
    carry = undefined
    let from = 0
    for (;;) {
      const at = bytes.indexOf(MARK, from)
      if (at < 0) break
      const end = bytes.indexOf(0x22, at + MARK.length)
      if (end < 0) {
        carry = bytes.subarray(at)
        return
      }
      note(Number(bytes.toString('latin1', at + MARK.length, end)))
      from = end + 1
    }
    // Part of a mark may stand at the end; one that was counted must not be seen again.
    carry = bytes.subarray(Math.max(from, bytes.length - CARRY))
  }
}

const until = (atMs: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())))
