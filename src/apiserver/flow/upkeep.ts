// Keeps the default flow schemas and priority levels there and, unless their annotation says that they belong to the users, as they
// are meant; and says of each flow schema whether its level exists (the condition Dangling). At the start, and whenever one of them
// changes. Reads all of them, writes what is wrong; may be run again at any time.
import { FlowSchema } from '../../api/kinds/flow-schema.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { PriorityLevelConfiguration } from '../../api/kinds/priority-level-configuration.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import { complete } from '../registry/write.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import { AUTOUPDATE, flowSchemas, MANDATORY, priorityLevels } from './default-objects.ts'

export interface UpkeepParts {
  readonly store: Store
  readonly clock: Clock
  readonly newUid: () => string
}

type Spec = { spec?: unknown }

/** One pass. Resolves to how many objects were written. */
export async function maintainFlows(parts: UpkeepParts): Promise<number> {
  const levels = await Promise.all(priorityLevels.map((wanted) => ensure(parts, PriorityLevelConfiguration, wanted)))
  const schemas = await Promise.all(flowSchemas.map((wanted) => ensure(parts, FlowSchema, wanted)))
  const { store } = parts
  const found = await store.list(prefixOf(PriorityLevelConfiguration))
  const names = new Set(found.entries.map(({ object }) => object.metadata.name))
  const { entries } = await store.list(prefixOf(FlowSchema))
  const marked = await Promise.all(
    entries.map(async ({ key, object, revision }) => {
      const next = withDangling(object as FlowSchema, names, parts.clock.now())
      if (!next) return false
      // Lost to somebody else: their change begins another pass.
      return (await store.write({ key, expect: revision, object: next as unknown as KubeObject })).ok
    }),
  )
  return [...levels, ...schemas, ...marked].filter(Boolean).length
}

async function ensure(
  { store, clock, newUid }: UpkeepParts,
  kind: typeof FlowSchema | typeof PriorityLevelConfiguration,
  wanted: { metadata: { name: string }; spec?: unknown },
): Promise<boolean> {
  const key = keyOf(kind, undefined, wanted.metadata.name)
  const meant = cloneJson(wanted) as unknown as KubeObject & Spec
  complete(kind as unknown as Kind, meant)
  const current = await store.get(key)
  let object: KubeObject
  if (!current) {
    const metadata = { ...meant.metadata, uid: newUid(), generation: 1, creationTimestamp: formatTime(clock.now()) }
    object = { ...meant, metadata } as KubeObject
    if (kind === (FlowSchema as unknown)) {
      const level = (meant.spec as FlowSchema['spec']).priorityLevelConfiguration.name
      object = (withDangling(object as FlowSchema, new Set([level]), clock.now()) ?? object) as KubeObject
    }
  } else {
    const { metadata } = current.object
    const isOurs = MANDATORY.has(wanted.metadata.name) || metadata.annotations?.[AUTOUPDATE] === 'true'
    if (!isOurs || semanticEqual((current.object as Spec).spec, meant.spec)) return false
    const next = { ...metadata, generation: (metadata.generation ?? 1) + 1 }
    object = { ...current.object, metadata: next, spec: meant.spec } as KubeObject
  }
  return (await store.write({ key, expect: current?.revision ?? 0, object })).ok
}

/** The schema with the condition as it should be; undefined when it is so. */
export function withDangling(
  schema: DeepReadonly<FlowSchema>,
  levels: ReadonlySet<string | undefined>,
  nowMs: number,
): FlowSchema | undefined {
  const name = schema.spec?.priorityLevelConfiguration?.name ?? ''
  const exists = levels.has(name)
  const references = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)}`
  const wanted = {
    type: 'Dangling',
    status: exists ? 'False' : 'True',
    reason: exists ? 'Found' : 'NotFound',
    message: exists ? `${references} and it exists` : `${references} but there is no such object`,
  }
  const conditions = schema.status?.conditions ?? []
  const current = conditions.find(({ type }) => type === 'Dangling')
  if (current?.status === wanted.status && current.message === wanted.message) return undefined
  const others = conditions.filter(({ type }) => type !== 'Dangling')
  const lastTransitionTime = current?.status === wanted.status ? current.lastTransitionTime : formatTime(nowMs)
  const condition = { ...wanted, lastTransitionTime }
  return { ...schema, status: { ...schema.status, conditions: [...others, condition] } } as unknown as FlowSchema
}

/** Runs a pass whenever one of the objects changes, until it is closed. */
export function keepFlowsMaintained(parts: UpkeepParts, log: Logger): { close(): Promise<void> } {
  const { store } = parts
  let work = Promise.resolve()
  let due = false
  let closed = false
  const onEvent = () => {
    if (due || closed) return
    due = true
    work = work.then(async () => {
      due = false
      if (closed) return
      await maintainFlows(parts).catch((err) => log.warn({ err }, 'flow schemas not maintained'))
    })
  }
  const followers = [FlowSchema, PriorityLevelConfiguration].map((kind) =>
    store.follow(prefixOf(kind), store.revision, onEvent),
  )
  return {
    close() {
      closed = true
      for (const follower of followers) follower.close()
      return work
    },
  }
}
