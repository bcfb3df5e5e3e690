// Priority and fairness: every request is placed by the first flow schema that matches it into a priority level, takes seats there, and
// waits or is refused when there are none. What passes at once costs no promise. Long-running requests hold seats only until they
// have begun. Schemas and levels are followed in the store: a change holds for the next request.
import { FlowSchema } from '../../api/kinds/flow-schema.ts'
import { PriorityLevelConfiguration } from '../../api/kinds/priority-level-configuration.ts'
import { StatusError } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ApiRequest, UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import type { RequestInfo } from '../request-info.ts'
import { prefixOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import { FairQueues, type QueueSettings, type Refusal } from './fair-queues.ts'
import { type Rules, ruleMatches, rulesFor } from './matching.ts'
import { type LevelSpec, Pool, seatLimits } from './seats.ts'

/** k8s: the sum of the two bounds of requests in flight. */
const TOTAL_SEATS = 600
/** k8s: a quarter of the time that a request has. */
const WAIT_AT_MOST_MS = 15_000
const MAX_KNOWN_USERS = 1000

export interface Ticket {
  readonly headers: Readonly<Record<string, string>>
  /** Gives the seats back. Idempotent. */
  leave(): void
}

export interface LevelState {
  readonly name: string
  readonly uid: string
  readonly spec: LevelSpec
  readonly queues: FairQueues
}

export interface SchemaState {
  readonly name: string
  readonly uid: string
  readonly precedence: number
  readonly levelName: string
  readonly byNamespace: boolean | undefined
  readonly object: DeepReadonly<FlowSchema>
  level: LevelState | undefined
  headers: Readonly<Record<string, string>>
  /** For what is not limited: nothing to give back. */
  freeTicket: Ticket | undefined
  dispatched: number
  readonly rejected: Map<Refusal, number>
}

export interface FlowControlParts {
  readonly store: Store
  readonly clock: Clock
  /** Seats of all levels together. */
  readonly totalSeats?: number | undefined
  /** How many seats a request takes. */
  readonly widthOf: (request: ApiRequest, info: RequestInfo) => number
}

export class FlowControl {
  readonly #parts: FlowControlParts
  readonly #pool = new Pool()
  readonly #levels = new Map<string, LevelState>()
  #schemas: SchemaState[] = []
  #stale = true
  readonly #objects = {
    schemas: new Map<string, DeepReadonly<FlowSchema>>(),
    levels: new Map<string, DeepReadonly<PriorityLevelConfiguration>>(),
  }
  /** By user: the schemas that have rules for them, with those rules. */
  readonly #schemasByUser = new Map<string, [SchemaState, Rules[]][]>()
  #schemasByObject = new WeakMap<UserInfo, [SchemaState, Rules[]][]>()
  readonly #followers: { close(): void }[] = []
  #dispatching = false

  private constructor(parts: FlowControlParts) {
    this.#parts = parts
  }

  static async open(parts: FlowControlParts): Promise<FlowControl> {
    const flow = new FlowControl(parts)
    const { store } = parts
    for (const [kind, objects] of [
      [FlowSchema, flow.#objects.schemas],
      [PriorityLevelConfiguration, flow.#objects.levels],
    ] as const) {
      const prefix = prefixOf(kind)
      const { entries, revision } = await store.list(prefix)
      for (const { key, object } of entries) objects.set(key, object as never)
      const follower = store.follow(prefix, revision, ({ type, entry }) => {
        if (type === 'put') objects.set(entry.key, entry.object as never)
        else objects.delete(entry.key)
        flow.#stale = true
        // Who waits already is served by the new limits too.
        flow.#dispatchSoon()
      })
      flow.#followers.push(follower)
    }
    return flow
  }

  close(): void {
    for (const follower of this.#followers) follower.close()
  }

  /** @throws TooManyRequests, also by the promise */
  enter(request: ApiRequest, info: RequestInfo): Ticket | Promise<Ticket> | undefined {
    if (isUnlimited(info)) return undefined
    if (this.#stale) this.#configure()
    const schema = this.#place(request.user, info)
    if (!schema?.level) return undefined
    const { level, headers, freeTicket } = schema
    if (freeTicket) {
      schema.dispatched++
      return freeTicket
    }
    const width = this.#parts.widthOf(request, info)
    const { queues } = level
    if (queues.tryPass(width)) {
      schema.dispatched++
      return this.#ticket(queues, width, headers)
    }
    return this.#wait(request, info, schema, queues, width, headers)
  }

  async #wait(
    request: ApiRequest,
    info: RequestInfo,
    schema: SchemaState,
    queues: FairQueues,
    width: number,
    headers: Ticket['headers'],
  ): Promise<Ticket> {
    const { signal, user } = request
    const distinguisher = schema.byNamespace === undefined ? '' : schema.byNamespace ? info.namespace : user.name
    const refusal = await new Promise<Refusal | undefined>((resolve) => {
      const seated = () => {
        timer.cancel()
        signal.removeEventListener('abort', gone)
        resolve(undefined)
      }
      const arrivedMs = this.#parts.clock.now()
      const place = queues.enqueue(width, seated, { schema: schema.name, distinguisher, arrivedMs, user, info })
      if (typeof place === 'string') {
        resolve(place)
        return
      }
      const giveUp = (why: Refusal) => {
        timer.cancel()
        signal.removeEventListener('abort', gone)
        if (place.leave()) resolve(why)
      }
      const gone = () => giveUp('cancelled')
      const timer = this.#parts.clock.after(WAIT_AT_MOST_MS, () => giveUp('time-out'))
      if (signal.aborted) gone()
      else signal.addEventListener('abort', gone, { once: true })
    })
    if (refusal === undefined) {
      schema.dispatched++
      return this.#ticket(queues, width, headers)
    }
    schema.rejected.set(refusal, (schema.rejected.get(refusal) ?? 0) + 1)
    if (refusal === 'cancelled') throw signal.reason
    throw new Refused(headers)
  }

  #ticket(queues: FairQueues, width: number, headers: Ticket['headers']): Ticket {
    let seated = true
    return {
      headers,
      leave: () => {
        if (!seated) return
        seated = false
        queues.release(width)
        this.#dispatchSoon()
      },
    }
  }

  /** In the next turn of the event loop, so that what has arrived meanwhile, for other levels, is not kept waiting. */
  #dispatchSoon(): void {
    if (this.#dispatching) return
    let anyWaits = false
    for (const { queues } of this.#levels.values()) anyWaits ||= queues.waiting > 0
    if (!anyWaits) return
    this.#dispatching = true
    setImmediate(() => {
      this.#dispatching = false
      if (this.#stale) this.#configure()
      for (const { queues } of this.#levels.values()) queues.dispatch()
    })
  }

  #place(user: UserInfo, info: RequestInfo): SchemaState | undefined {
    const known = this.#concerning(user)
    for (const [schema, rules] of known) for (const rule of rules) if (ruleMatches(rule, info)) return schema
    return undefined
  }

  /** By the object first: whoever makes many requests often gives the same one. */
  #concerning(user: UserInfo): [SchemaState, Rules[]][] {
    const found = this.#schemasByObject.get(user)
    if (found) return found
    const key = `${user.name}\0${user.groups.join('\0')}`
    let known = this.#schemasByUser.get(key)
    if (!known) {
      if (this.#schemasByUser.size >= MAX_KNOWN_USERS) this.#schemasByUser.clear()
      known = this.#schemas.flatMap((schema) => {
        const rules = rulesFor(schema.object.spec, user)
        return rules.length > 0 ? [[schema, rules] as [SchemaState, Rules[]]] : []
      })
      this.#schemasByUser.set(key, known)
    }
    this.#schemasByObject.set(user, known)
    return known
  }

  #configure(): void {
    this.#stale = false
    this.#schemasByUser.clear()
    this.#schemasByObject = new WeakMap()
    const before = new Map(this.#schemas.map((schema) => [schema.name, schema]))
    this.#schemas = [...this.#objects.schemas.values()]
      .map((object) => schemaState(object, before.get(object.metadata.name!)))
      .sort((a, b) => a.precedence - b.precedence || (a.name < b.name ? -1 : 1))
    const specs = new Map([...this.#objects.levels.values()].map(({ metadata, spec }) => [metadata.name!, spec!]))
    const limits = seatLimits(specs, this.#parts.totalSeats ?? TOTAL_SEATS)
    for (const name of this.#levels.keys()) {
      // What is still in a level that is gone keeps its seats to the end.
      if (!specs.has(name) && this.#levels.get(name)!.queues.executing === 0) this.#levels.delete(name)
    }
    for (const object of this.#objects.levels.values()) {
      const name = object.metadata.name!
      const limit = limits.get(name)!
      const known = this.#levels.get(name)
      const settings = queueSettings(object.spec!)
      known?.queues.configure(limit, settings)
      const queues = known?.queues ?? new FairQueues(this.#pool, limit, settings)
      this.#levels.set(name, { name, uid: object.metadata.uid ?? '', spec: object.spec!, queues })
    }
    for (const schema of this.#schemas) {
      const level = this.#levels.get(schema.levelName)
      schema.level = level
      schema.headers = {
        'x-kubernetes-pf-flowschema-uid': schema.uid,
        'x-kubernetes-pf-prioritylevel-uid': level?.uid ?? '',
      }
      schema.freeTicket = level?.spec.type === 'Exempt' ? { headers: schema.headers, leave: nothing } : undefined
    }
    this.#pool.size = [...limits.values()].reduce((sum, { nominal, floor }) => sum + nominal - floor, 0)
  }

  /** For metrics. */
  state(): { schemas: readonly SchemaState[]; levels: readonly LevelState[] } {
    if (this.#stale) this.#configure()
    return { schemas: this.#schemas, levels: [...this.#levels.values()] }
  }
}

/** k8s: what clients are to do is in the header. */
export class Refused extends StatusError {
  readonly headers: Readonly<Record<string, string>>
  constructor(headers: Readonly<Record<string, string>>) {
    super(429, 'TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 })
    this.headers = headers
  }
}

const nothing = () => {}
const UNLIMITED: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy', 'log'])

/** k8s: connections and streams are not limited, as they last. */
const isUnlimited = ({ subresource }: RequestInfo) => UNLIMITED.has(subresource)

function schemaState(object: DeepReadonly<FlowSchema>, before: SchemaState | undefined): SchemaState {
  const { spec, metadata } = object
  const method = spec?.distinguisherMethod?.type
  return {
    name: metadata.name!,
    uid: metadata.uid ?? '',
    precedence: spec?.matchingPrecedence ?? 1000,
    levelName: spec?.priorityLevelConfiguration.name ?? '',
    byNamespace: method === undefined ? undefined : method === 'ByNamespace',
    object,
    level: undefined,
    headers: {},
    freeTicket: undefined,
    dispatched: before?.dispatched ?? 0,
    rejected: before?.rejected ?? new Map(),
  }
}

function queueSettings({ limited }: LevelSpec): QueueSettings | undefined {
  const queuing = limited?.limitResponse?.type === 'Queue' ? limited.limitResponse.queuing : undefined
  if (!queuing) return undefined
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = queuing
  return { queues, handSize, queueLengthLimit }
}
