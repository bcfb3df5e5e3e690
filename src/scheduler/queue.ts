// The pods that wait for a node. A pod is in exactly one place: ready (priority, then age), backing off, unschedulable (until an event
// that one of the plug-ins that rejected it finds promising, or five minutes), gated, or taken. There is no periodic work: one timer
// stands for the earliest deadline. Time comes from the clock; what to do with a popped pod is the caller's matter.
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Pod } from '../api/types/core.v1.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { ClusterEvent, Plugin } from './framework.ts'
import { KeyedHeap } from './heap.ts'
import { podInfo } from './pod-info.ts'

// k8s: the defaults of KubeSchedulerConfiguration and of the scheduling queue
const FIRST_BACKOFF_MS = 1_000
const LONGEST_BACKOFF_MS = 10_000
const STUCK_AFTER_MS = 5 * 60_000

export interface QueuedPod {
  readonly pod: DeepReadonly<Pod>
  /** How often it was tried and failed. */
  readonly attempts: number
  /** When it entered the queue for this attempt: the order among equals. */
  readonly sinceMs: number
}

interface Entry extends QueuedPod {
  pod: DeepReadonly<Pod>
  attempts: number
  sinceMs: number
  /** Order among entries of the same millisecond. */
  sequence: number
  /** When the last attempt ended. */
  failedAtMs: number
  /** The plug-ins that said no last time. None: whatever happens may help. */
  rejectedBy: readonly Plugin[]
  /** The last attempt ended in an error, not in a decision. */
  erred: boolean
}

const uidOf = (entry: Entry) => entry.pod.metadata.uid
const earlier = (a: Entry, b: Entry) => (a.sinceMs !== b.sinceMs ? a.sinceMs < b.sinceMs : a.sequence < b.sequence)
const more = (a: Entry, b: Entry) => {
  const difference = (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0)
  return difference !== 0 ? difference > 0 : earlier(a, b)
}

export const isGated = (pod: DeepReadonly<Pod>) => (pod.spec.schedulingGates?.length ?? 0) > 0

export class SchedulingQueue {
  readonly #clock: Clock
  readonly #onReady: () => void
  readonly #ready = new KeyedHeap<Entry>(uidOf, more)
  readonly #backingOff = new KeyedHeap<Entry>(uidOf, (a, b) => backoffEndsMs(a) < backoffEndsMs(b))
  readonly #unschedulable = new Map<string, Entry>()
  readonly #gated = new Map<string, Entry>()
  /** Popped, and neither failed nor done yet. */
  readonly #taken = new Map<string, Entry>()
  #timer: Timer | undefined
  #timerDueMs = Number.POSITIVE_INFINITY
  #sequence = 0

  /** @param onReady called when `pop` may have something to give that it did not have before */
  constructor(clock: Clock, onReady: () => void) {
    this.#clock = clock
    this.#onReady = onReady
  }

  get counts(): Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>> {
    return {
      active: this.#ready.size,
      backoff: this.#backingOff.size,
      unschedulable: this.#unschedulable.size,
      gated: this.#gated.size,
    }
  }

  /** A pod without node came or changed. `changed`: something that scheduling looks at is different. */
  upsert(pod: DeepReadonly<Pod>, changed = true): void {
    const uid = pod.metadata.uid
    const held =
      this.#taken.get(uid) ??
      this.#ready.get(uid) ??
      this.#backingOff.get(uid) ??
      this.#unschedulable.get(uid) ??
      this.#gated.get(uid)
    if (!held) {
      const nowMs = this.#clock.now()
      this.#place({
        pod,
        attempts: 0,
        sinceMs: nowMs,
        sequence: this.#sequence++,
        failedAtMs: nowMs,
        rejectedBy: [],
        erred: false,
      })
      return
    }
    held.pod = pod
    if (this.#ready.get(uid)) this.#ready.push(held)
    else if (this.#gated.delete(uid)) this.#place(held)
    else if (changed && this.#unschedulable.delete(uid)) this.#place(held)
  }

  /** The pod has a node, is gone, or is nobody's business any more. */
  delete(uid: string): void {
    this.#ready.delete(uid)
    this.#backingOff.delete(uid)
    this.#unschedulable.delete(uid)
    this.#gated.delete(uid)
    this.#taken.delete(uid)
  }

  /** The next pod to decide on. It stays known as taken until `reject`, `retry` or `delete`. */
  pop(): QueuedPod | undefined {
    // k8s: with nothing else to do, a pod need not sit out its back-off, unless the last attempt ended in an error
    const entry = this.#ready.pop() ?? this.#idleBackoff()
    if (entry) this.#taken.set(uidOf(entry), entry)
    return entry
  }

  /** No node will do: the pod waits for an event that helps one of the plug-ins that said no. */
  reject(queued: QueuedPod, rejectedBy: readonly Plugin[]): void {
    const entry = this.#giveBack(queued)
    if (!entry) return
    entry.rejectedBy = rejectedBy
    entry.erred = false
    this.#unschedulable.set(uidOf(entry), entry)
    this.#arm(entry.failedAtMs + STUCK_AFTER_MS)
  }

  /** The attempt ended in an error (a refused binding …): again after the back-off. */
  retry(queued: QueuedPod): void {
    const entry = this.#giveBack(queued)
    if (!entry) return
    entry.erred = true
    entry.sinceMs = entry.failedAtMs
    this.#backingOff.push(entry)
    this.#arm(backoffEndsMs(entry))
  }

  /** Moves the pods that the event may help. */
  moved(event: ClusterEvent): void {
    for (const [uid, entry] of this.#unschedulable) {
      const info = podInfo(entry.pod)
      const mayHelp = entry.rejectedBy.some((plugin) => plugin.mayHelp?.(event, info) ?? true)
      if (!mayHelp && entry.rejectedBy.length > 0) continue
      this.#unschedulable.delete(uid)
      this.#place(entry)
    }
  }

  /** Takes the timer off. The queue is not to be used afterwards. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #giveBack(queued: QueuedPod): Entry | undefined {
    const uid = queued.pod.metadata.uid
    const entry = this.#taken.get(uid)
    if (!entry) return undefined
    this.#taken.delete(uid)
    entry.attempts++
    entry.failedAtMs = this.#clock.now()
    return entry
  }

  #place(entry: Entry): void {
    const uid = uidOf(entry)
    if (isGated(entry.pod)) {
      this.#gated.set(uid, entry)
      return
    }
    entry.sinceMs = this.#clock.now()
    if (backoffEndsMs(entry) > this.#clock.now()) {
      this.#backingOff.push(entry)
      this.#arm(backoffEndsMs(entry))
    } else {
      this.#ready.push(entry)
    }
    this.#onReady()
  }

  #idleBackoff(): Entry | undefined {
    let best: Entry | undefined
    for (const entry of this.#backingOff.values()) {
      if (!entry.erred && (!best || more(entry, best))) best = entry
    }
    return best && this.#backingOff.delete(uidOf(best))
  }

  #arm(dueMs: number): void {
    if (dueMs >= this.#timerDueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#clock.after(dueMs - this.#clock.now(), () => this.#onTimer())
  }

  #onTimer(): void {
    this.#timer = undefined
    this.#timerDueMs = Number.POSITIVE_INFINITY
    const nowMs = this.#clock.now()
    let released = false
    for (let next = this.#backingOff.peek(); next && backoffEndsMs(next) <= nowMs; next = this.#backingOff.peek()) {
      this.#backingOff.pop()
      this.#ready.push(next)
      released = true
    }
    let nextDueMs = Number.POSITIVE_INFINITY
    for (const [uid, entry] of this.#unschedulable) {
      const stuckMs = entry.failedAtMs + STUCK_AFTER_MS
      if (stuckMs <= nowMs) {
        this.#unschedulable.delete(uid)
        this.#place(entry)
      } else nextDueMs = Math.min(nextDueMs, stuckMs)
    }
    const next = this.#backingOff.peek()
    if (next) nextDueMs = Math.min(nextDueMs, backoffEndsMs(next))
    if (nextDueMs < Number.POSITIVE_INFINITY) this.#arm(nextDueMs)
    if (released) this.#onReady()
  }
}

/** 1 s after the first failure, doubling up to 10 s, counted from the end of the attempt. */
function backoffEndsMs(entry: Entry): number {
  if (entry.attempts === 0) return entry.failedAtMs
  return entry.failedAtMs + Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(entry.attempts - 1, 10), LONGEST_BACKOFF_MS)
}
