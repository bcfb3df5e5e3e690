// Follows Services and EndpointSlices and keeps the dataplane equal to them. Changes that arrive while one is being made are made
// together afterwards; only the rules of Services that changed are decided anew. When the API is away, all stays as it is.
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import { Service } from '../../api/kinds/service.ts'
import { type DeepReadonly, objectKey } from '../../api/meta/object.ts'
import { type Clock, delay } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Cache } from '../../client/cache.ts'
import { type NodeView, SERVICE_NAME_LABEL, serviceRules } from './service-table.ts'
import type { Dataplane, ServicePortRule } from './table.ts'

const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 60_000

export interface ServiceProxyOptions extends NodeView {
  cache: Cache
  dataplane: Dataplane
  clock: Clock
  /** Called after each change that the dataplane has made. */
  onApplied?: (ruleCount: number) => void
}

/** Lasts until aborted; the rules stay, so that Services go on while the agent restarts. */
export async function runServiceProxy(ctx: Ctx, options: ServiceProxyOptions): Promise<void> {
  const { cache, dataplane, clock } = options
  const slicesByService = new Map<string, Map<string, DeepReadonly<EndpointSlice>>>()
  const rulesByService = new Map<string, readonly ServicePortRule[]>()
  const rules = new Map<string, ServicePortRule>()
  const dirty = new Set<string>()
  let wake = () => {}

  const mark = (key: string | undefined) => {
    if (key === undefined) return
    dirty.add(key)
    wake()
  }
  const offService = cache.watch(Service, ({ object }) => mark(objectKey(object)))
  const offSlice = cache.watch(EndpointSlice, ({ type, object, old }) => {
    for (const slice of old ? [old, object] : [object]) {
      const key = serviceKeyOf(slice)
      if (key === undefined) continue
      const slices = slicesByService.get(key) ?? new Map()
      if (type === 'deleted' || slice !== object) slices.delete(slice.metadata.name)
      else slices.set(slice.metadata.name, slice)
      if (slices.size > 0) slicesByService.set(key, slices)
      else slicesByService.delete(key)
      mark(key)
    }
  })

  const decide = (key: string) => {
    for (const { id } of rulesByService.get(key) ?? []) rules.delete(id)
    const slash = key.indexOf('/')
    const service = cache.get(Service, key.slice(slash + 1), key.slice(0, slash))
    const decided = service ? serviceRules(service, [...(slicesByService.get(key)?.values() ?? [])], options) : []
    if (decided.length > 0) rulesByService.set(key, decided)
    else rulesByService.delete(key)
    for (const rule of decided) rules.set(rule.id, rule)
  }

  try {
    await cache.synced(ctx.signal)
    let retryMs = 0
    while (!ctx.signal.aborted) {
      for (const key of dirty) decide(key)
      dirty.clear()
      try {
        await dataplane.apply(ctx, { rules })
        retryMs = 0
        options.onApplied?.(rules.size)
      } catch (err) {
        retryMs = Math.min(Math.max(retryMs * 2, FIRST_RETRY_MS), LONGEST_RETRY_MS)
        ctx.log.error({ err, retryMs }, 'service rules could not be applied')
      }
      if (retryMs > 0) await delay(clock, retryMs, ctx.signal).catch(() => {})
      else if (dirty.size === 0) await changed(ctx.signal, (resolve) => (wake = resolve))
    }
  } catch (err) {
    if (!ctx.signal.aborted) throw err
  } finally {
    offService()
    offSlice()
  }
}

/** Resolves at the next change or when aborted. */
function changed(signal: AbortSignal, listen: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
    listen(done)
  })
}

function serviceKeyOf(slice: DeepReadonly<EndpointSlice>): string | undefined {
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL]
  return name ? `${slice.metadata.namespace}/${name}` : undefined
}
