// GET of a collection: at the newest state or an older one, whole or in pieces, selected by labels and fields.
import type { Kind } from '../../api/kinds/kind.ts'
import { gone } from '../../api/meta/errors.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { objectResponse } from '../respond.ts'
import { prefixOf } from '../storage/keys.ts'
import { Compacted, type Entry, type Revision } from '../storage/store.ts'
import { partialMetadataList, table, viewOptions } from '../table/table.ts'
import { type Call, namespaceOf, type Registry } from './call.ts'
import { ContinueExpired, decodeContinue, encodeContinue } from './continue-token.ts'
import { atLeast } from './freshness.ts'
import { type ListOptions, parseListOptions, type Selection } from './list-options.ts'
import { type Shown, viewOf } from './stored.ts'

/** How many entries are looked at between two looks at the limit, when a selector leaves some out. */
const CHUNK = 500

export interface Page {
  readonly items: readonly Shown[]
  readonly revision: Revision
  /** The key to go on after; undefined at the end. */
  readonly next: string | undefined
  /** k8s: only known when nothing is filtered. */
  readonly remaining: number | undefined
}

export async function list(registry: Registry, call: Call): Promise<ApiResponse> {
  const options = parseListOptions(call.kind, call.query, false)
  const page = await readPage(registry, call, options)
  const metadata = listMetadata(call, page)
  const objects = () => page.items.map((item) => item.object)
  switch (call.view) {
    case 'Table': {
      return objectResponse(table(call.kind, objects(), viewOptions(call), registry.clock.now(), metadata))
    }
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return objectResponse(partialMetadataList(objects(), metadata, call.viewVersion ?? 'v1'))
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: {
      kind: 'list',
      head: { kind: call.kind.listKind, apiVersion: call.kind.apiVersion, metadata },
      items: page.items,
    },
  }
}

export function listMetadata(call: Call, { revision, next, remaining }: Page): object {
  const resourceVersion = String(revision)
  if (next === undefined) {
    // k8s: lists of custom resources say so when there is no more.
    return call.kind.custom && call.view === 'object' ? { continue: '', resourceVersion } : { resourceVersion }
  }
  const token = encodeContinue(prefixFor(call), { revision, after: next })
  return { resourceVersion, continue: token, ...(remaining === undefined ? {} : { remainingItemCount: remaining }) }
}

const prefixFor = (call: Call) => prefixOf(call.kind as never, namespaceOf(call))

/** What a list's options choose, and where it goes on. @throws StatusError */
export async function readPage(registry: Registry, call: Call, options: ListOptions): Promise<Page> {
  const prefix = prefixFor(call)
  if (options.continueToken) {
    const { revision, after } = decodeContinue(prefix, options.continueToken)
    try {
      return await collect(registry, call, prefix, options, revision, after)
    } catch (err) {
      if (err instanceof Compacted) throw new ContinueExpired(encodeContinue(prefix, { revision: undefined, after }))
      throw err
    }
  }
  // k8s: a revision with a limit and without a match means exactly that revision, for the sake of older clients.
  const exact = options.match === 'Exact' || (!options.match && options.limit > 0 && (options.revision ?? 0) > 0)
  await atLeast(registry, options.revision, call.signal)
  try {
    return await collect(registry, call, prefix, options, exact ? options.revision : undefined, undefined)
  } catch (err) {
    if (err instanceof Compacted) throw gone('The resourceVersion for the provided list is too old.')
    throw err
  }
}

/** The newest entries that an index knows to be all that a selection can choose from; undefined: any may be chosen. */
export function candidates(
  { podsByNode }: Registry,
  kind: Kind,
  prefix: string,
  { exact }: Selection,
): Entry[] | undefined {
  const node = kind.plural === 'pods' && kind.group === '' ? exact?.('spec.nodeName') : undefined
  return node ? podsByNode.on(node).filter(({ key }) => key.startsWith(prefix)) : undefined
}

async function collect(
  registry: Registry,
  { kind, signal }: Call,
  prefix: string,
  { limit, selection }: ListOptions,
  revision: Revision | undefined,
  after: string | undefined,
): Promise<Page> {
  const { store } = registry
  const few = revision === undefined && after === undefined ? candidates(registry, kind, prefix, selection) : undefined
  if (few && (limit === 0 || few.length <= limit)) {
    // Pods are shown as they are stored.
    const items = few.filter((entry) => selection.matches(entry.object))
    return { items, revision: store.revision, next: undefined, remaining: 0 }
  }
  const from = after === undefined ? {} : { after }
  if (selection.everything || limit === 0) {
    const at = revision === undefined ? {} : { revision }
    const found = await store.list(prefix, { ...(limit ? { limit } : {}), ...from, ...at })
    const seen = viewOf(kind, found.entries)
    const see = seen instanceof Promise ? await seen : seen
    const items = found.entries.map(see)
    const chosen = selection.everything ? items : items.filter((item) => selection.matches(item.object))
    const remaining = selection.everything ? found.remaining : undefined
    return { items: chosen, revision: found.revision, next: found.next, remaining }
  }
  const items: Shown[] = []
  let [at, position] = [revision, after]
  for (;;) {
    signal.throwIfAborted()
    const found = await store.list(prefix, {
      limit: Math.max(CHUNK, limit),
      ...(position === undefined ? {} : { after: position }),
      ...(at === undefined ? {} : { revision: at }),
    })
    at = found.revision
    const seen = viewOf(kind, found.entries)
    const see = seen instanceof Promise ? await seen : seen
    const isLast = (entry: Entry) => found.next === undefined && entry === found.entries.at(-1)
    for (const entry of found.entries) {
      const item = see(entry)
      if (selection.matches(item.object)) items.push(item)
      if (items.length === limit && !isLast(entry))
        return { items, revision: at, next: entry.key, remaining: undefined }
    }
    if (found.next === undefined) return { items, revision: at, next: undefined, remaining: 0 }
    position = found.next
  }
}
