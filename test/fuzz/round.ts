// One round of the fuzz suite: a server, and random requests at it, one after another. Says what was wrong.
import type { ApiResponse } from '../../src/api/wire.ts'
import { ADMIN } from '../../src/apiserver/test-api.ts'
import { Random } from './random.ts'
import { type Asked, describeRequest, randomRequest } from './request.ts'
import { isPolluted, mayWrite, problemOf } from './verdict.ts'
import { type Attempt, openWorld, type World } from './world.ts'

const REQUESTS = 100
/** Of processor time, for one request: while it lasts nobody else is answered. The bound is wide, for the machine's sake. */
const LONGEST_MS = Number(process.env['SKIFF_FUZZ_LONGEST_MS'] ?? 400)

const rejections: unknown[] = []
process.on('unhandledRejection', (err) => rejections.push(err))

/** The same seed makes the same requests. */
export async function fuzzRound(seed: number): Promise<string[]> {
  const random = new Random(seed)
  const world = await openWorld()
  const problems: string[] = []
  const attempts: [Asked, Attempt, number][] = []
  for (let i = 0; i < REQUESTS; i++) {
    const asked = randomRequest(random, world)
    const attempt: Attempt = { written: [] }
    const began = process.threadCpuUsage()
    const problem = await ask(world, asked, attempt, (status) => attempts.push([asked, attempt, status]))
    const { user, system } = process.threadCpuUsage(began)
    const tookMs = (user + system) / 1000
    const note = (what: string) => problems.push(`seed ${seed}, request ${i}: ${what}\n  ${describeRequest(asked)}`)
    if (problem) note(problem)
    if (tookMs > LONGEST_MS) note(`took ${Math.round(tookMs)} ms`)
    if (isPolluted()) {
      note('prototypes were changed')
      break
    }
  }
  await world.close()
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  for (const [asked, { written }, status] of attempts) {
    if (status >= 400 && written.length > 0 && !mayWrite(asked)) {
      const what = `written after it was refused: ${written.join()}`
      problems.push(`seed ${seed}: ${what}\n  ${describeRequest(asked)}`)
    }
  }
  for (const err of rejections.splice(0)) problems.push(`seed ${seed}: nobody caught ${(err as Error)?.stack ?? err}`)
  const leftMs = world.api.clock.untilNextMs()
  if (leftMs !== undefined) problems.push(`seed ${seed}: a timer is left after the server closed: in ${leftMs} ms`)
  return problems
}

async function ask(
  world: World,
  asked: Asked,
  attempt: Attempt,
  answered: (status: number) => void,
): Promise<string | undefined> {
  const gone = new AbortController()
  const { search, body, ...rest } = asked
  const request = {
    ...rest,
    query: new URLSearchParams(search),
    user: ADMIN,
    signal: gone.signal,
    ...(body && body.length > 0 ? { body } : {}),
  }
  try {
    const response = await inTime(world, world.ask(request, attempt))
    if (!response) return 'no answer within two minutes'
    answered(response.status)
    const problem = await problemOf(asked, response, attempt)
    if (response.body.kind === 'watch') return problem ?? (await watched(response.body.events))
    return problem
  } catch (err) {
    return `threw ${(err as Error).stack}`
  } finally {
    gone.abort()
  }
}

/** Time is moved on for what waits. */
async function inTime<T>(world: World, answer: Promise<T>): Promise<T | undefined> {
  let done = false
  const settled = () => {
    done = true
  }
  answer.then(settled, settled)
  for (let turns = 0; !done && turns < 400; turns++) {
    await new Promise((resolve) => (turns < 200 ? setImmediate(resolve) : setTimeout(resolve, 1)))
    if (turns > 280) await world.api.clock.advance(1000)
  }
  return done ? answer : undefined
}

async function watched(events: Extract<ApiResponse['body'], { kind: 'watch' }>['events']): Promise<string | undefined> {
  const frames = events[Symbol.asyncIterator]()
  for (let i = 0; i < 30; i++) {
    const next = frames.next()
    const first = await Promise.race([next, new Promise<undefined>((resolve) => setTimeout(resolve, 3, undefined))])
    if (!first) {
      next.catch(() => undefined)
      break
    }
    if (first.done) return undefined
    const { type, object } = JSON.parse(Buffer.from(first.value.line()).toString())
    if (!['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].includes(type)) return `an event of type ${type}`
    if (typeof object !== 'object') return 'an event without object'
  }
  void frames.return?.()
  return undefined
}
