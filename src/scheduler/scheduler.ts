// The scheduler: takes the waiting pods one by one, decides, and acts. A decided pod is assumed on its node at once, so that the next
// decision counts it while its binding is still under way. Nothing runs while nothing waits.
import { setImmediate } from 'node:timers/promises'
import { Pod } from '../api/kinds/pod.ts'
import { isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { formatTime } from '../api/meta/time.ts'
import type { Clock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { Supervisor } from '../base/supervise.ts'
import type { Cache } from '../client/cache.ts'
import type { Client } from '../client/client.ts'
import type { EventRecorder } from '../client/events.ts'
import { bindPod } from './bind.ts'
import { followCluster, SCHEDULER_NAME } from './cluster-watch.ts'
import { cacheLookups } from './lookups.ts'
import { SchedulerMetrics } from './metrics.ts'
import { type PodInfo, podInfo } from './pod-info.ts'
import { type Preemption, planPreemption } from './preemption.ts'
import { defaultProfile } from './profile.ts'
import { type QueuedPod, SchedulingQueue } from './queue.ts'
import { explain, schedule, type Unplaced } from './schedule.ts'
import { ClusterState } from './snapshot.ts'

export interface SchedulerDeps {
  client: Client
  cache: Cache
  /** Writes events in the name of `default-scheduler`. */
  events: EventRecorder
  clock: Clock
  metrics?: SchedulerMetrics
}

/** Bindings under way at once; further decisions wait. */
const MOST_BINDINGS = 64
/** Decisions in a row before other work gets a turn. */
const SLICE_MS = 5
const LONGEST_MESSAGE = 1024

/** Schedules until the ctx is aborted; resolves when every binding under way has ended. */
export async function runScheduler(ctx: Ctx, { client, cache, events, clock, ...deps }: SchedulerDeps): Promise<void> {
  const { log, signal } = ctx
  const metrics = deps.metrics ?? new SchedulerMetrics()
  const lookups = cacheLookups(cache)
  const state = new ClusterState(lookups)
  const supervisor = new Supervisor(ctx)
  let wake = () => {}
  const queue = new SchedulingQueue(clock, () => wake())
  metrics.pending(() => queue.counts)
  const stopFollowing = followCluster(cache, state, queue)
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)
  let bindings = 0
  let turn = 0

  function attempt(queued: QueuedPod): void {
    const { pod } = queued
    const startedMs = clock.now()
    turn++
    const decision = schedule(state, pod, { pick: (count) => turn % count, startAt: turn })
    if (decision.node === undefined) {
      turnDown(queued, decision)
      metrics.attempted('unschedulable', clock.now() - startedMs)
      return
    }
    state.assume(pod, decision.node)
    bindings++
    supervisor.start('bind pod', () => bind(queued, decision.node, startedMs))
  }

  async function bind(queued: QueuedPod, nodeName: string, startedMs: number): Promise<void> {
    const { pod } = queued
    const { name, namespace, uid } = pod.metadata
    try {
      await bindPod(ctx, pod, nodeName, { client, cache, clock, lookups })
      queue.delete(uid)
      metrics.attempted('scheduled', clock.now() - startedMs)
      state.nominate(pod, undefined)
      events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`)
    } catch (err) {
      if (state.forget(uid)) queue.moved({ resource: 'assigned-pod', type: 'deleted', object: pod })
      if (signal.aborted) return
      metrics.attempted('error', clock.now() - startedMs)
      if (isNotFound(err)) log.debug({ err, pod: `${namespace}/${name}` }, 'pod went while it was bound')
      else await turnDownForError(queued, `binding rejected: ${messageOf(err)}`)
      queue.retry(queued)
    } finally {
      bindings--
      wake()
    }
  }

  /** No node will do: the pod waits, perhaps for others to make room. */
  function turnDown(queued: QueuedPod, decision: Unplaced): void {
    const { pod } = queued
    const info = podInfo(pod)
    const plan =
      decision.allNodes > 0 ? planPreemption(state, info, decision, defaultProfile) : { node: undefined, message: '' }
    const message = explain(decision, plan.node === undefined ? plan.message : '')
    queue.reject(queued, decision.rejectedBy)
    events.event(pod, 'Warning', 'FailedScheduling', shortened(message))
    if (plan.node !== undefined) {
      state.nominate(pod, plan.node)
      metrics.preempted()
      supervisor.start('preempt pods', () =>
        preempt(info, plan).catch((err) => {
          state.nominate(pod, undefined)
          queue.upsert(pod)
          throw err
        }),
      )
    }
    supervisor.start('report unschedulable pod', () => report(pod, 'Unschedulable', message, plan.node))
  }

  async function turnDownForError({ pod }: QueuedPod, message: string): Promise<void> {
    log.warn({ pod: `${pod.metadata.namespace}/${pod.metadata.name}`, why: message }, 'scheduling failed')
    events.event(pod, 'Warning', 'FailedScheduling', shortened(message))
    await report(pod, 'SchedulerError', message, undefined)
  }

  /** Writes the PodScheduled condition, and the nominated node, if they say something new. */
  async function report(pod: DeepReadonly<Pod>, reason: string, message: string, nominatedNodeName?: string) {
    const { name, namespace, generation } = pod.metadata
    const old = pod.status?.conditions?.find((c) => c.type === 'PodScheduled')
    const same = old?.status === 'False' && old.reason === reason && old.message === message
    if (same && (!nominatedNodeName || nominatedNodeName === pod.status?.nominatedNodeName)) return
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      observedGeneration: generation,
      lastTransitionTime: (old?.status === 'False' && old.lastTransitionTime) || formatTime(clock.now()),
    }
    const body = { status: { conditions: [condition], ...(nominatedNodeName && { nominatedNodeName }) } }
    await patchStatus(name, namespace, body)
  }

  async function patchStatus(name: string, namespace: string, body: object): Promise<void> {
    try {
      await client.patch(ctx, Pod, { name, namespace }, { type: 'strategic', body }, { subresource: 'status' })
    } catch (err) {
      if (!signal.aborted && !isNotFound(err)) log.warn({ err, pod: `${namespace}/${name}` }, 'pod status not written')
    }
  }

  /** Sends the victims away; the pod is tried again when they have gone. */
  async function preempt(pod: PodInfo, { node, victims }: Preemption): Promise<void> {
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${SCHEDULER_NAME}: preempting to accommodate a higher priority pod`,
      lastTransitionTime: formatTime(clock.now()),
    }
    // k8s: pods of lower priority that wait for this node have to look for another one
    for (const other of state.nominations(node)) {
      if (other.priority >= pod.priority) continue
      state.nominate(other.pod, undefined)
      const { name, namespace } = other.pod.metadata
      await patchStatus(name, namespace, { status: { nominatedNodeName: null } })
    }
    await Promise.all(
      victims.map(async (victim) => {
        const { name, namespace, uid } = victim.pod.metadata
        if (victim.pod.metadata.deletionTimestamp) return
        await patchStatus(name, namespace, { status: { conditions: [condition] } })
        try {
          await client.delete(ctx, Pod, { name, namespace }, { preconditions: { uid } })
          events.event(victim.pod, 'Normal', 'Preempted', `Preempted by pod ${pod.uid} on node ${node}`)
        } catch (err) {
          if (!isNotFound(err)) throw err
        }
      }),
    )
  }

  try {
    await cache.synced(signal)
    let sliceEndsMs = clock.now() + SLICE_MS
    while (!signal.aborted) {
      const queued = bindings < MOST_BINDINGS ? queue.pop() : undefined
      if (!queued) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        sliceEndsMs = clock.now() + SLICE_MS
        continue
      }
      try {
        attempt(queued)
      } catch (err) {
        metrics.attempted('error', 0)
        log.error({ err, pod: `${queued.pod.metadata.namespace}/${queued.pod.metadata.name}` }, 'decision failed')
        supervisor.start('report scheduling error', () => turnDownForError(queued, messageOf(err)))
        queue.retry(queued)
      }
      if (clock.now() < sliceEndsMs) continue
      await setImmediate()
      sliceEndsMs = clock.now() + SLICE_MS
    }
  } catch (err) {
    if (!signal.aborted) throw err
  } finally {
    signal.removeEventListener('abort', onAbort)
    stopFollowing()
    queue.close()
    await supervisor.settled()
  }
}

const messageOf = (err: unknown) => (err instanceof Error ? err.message : String(err))
const shortened = (message: string) =>
  message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 4)} ...` : message
