// The lines of a watch. The bytes of an object's event are made once and shared by all watchers that want objects; tables and
// metadata are made for each watcher.
import type { Kind } from '../../api/kinds/kind.ts'
import type { StatusError } from '../../api/meta/errors.ts'
import type { WatchEvent, WatchFrame } from '../../api/wire.ts'
import type { View } from '../negotiate.ts'
import type { Obj } from '../registry/call.ts'
import type { Shown } from '../registry/stored.ts'
import { partialMetadata, table, type ViewOptions } from '../table/table.ts'

type EventType = WatchEvent['type']

const TAIL = Buffer.from('}\n')

type Lines = Partial<Record<EventType, Uint8Array>>

/** The newest lines, for the watchers that are told at the same time; whoever comes later makes them again. */
const recent = new Map<Shown, Lines>()
let recentBytes = 0
const MAX_RECENT_BYTES = 4 * 1024 * 1024

function sharedLine(type: EventType, shown: Shown): Uint8Array {
  const lines = recent.get(shown)
  const known = lines?.[type]
  if (known) return known
  const line = Buffer.concat([Buffer.from(`{"type":"${type}","object":`), shown.json, TAIL])
  if (lines) lines[type] = line
  else recent.set(shown, { [type]: line })
  recentBytes += line.byteLength
  for (const [oldest, those] of recent) {
    if (recentBytes <= MAX_RECENT_BYTES) break
    recent.delete(oldest)
    for (const { byteLength } of Object.values(those)) recentBytes -= byteLength
  }
  return line
}

const ownLine = (event: object) => Buffer.from(`${JSON.stringify(event)}\n`)

export interface FrameMaker {
  change(type: 'ADDED' | 'MODIFIED' | 'DELETED', shown: Shown): WatchFrame
  bookmark(revision: number, initialEventsEnd: boolean): WatchFrame
  error(err: StatusError): WatchFrame
}

export function frameMaker(kind: Kind, view: View, options: ViewOptions, nowMs: () => number): FrameMaker {
  let headers = true
  const viewed = (object: Obj): object => {
    if (view === 'object') return object
    if (view !== 'Table') return partialMetadata(object, options.version)
    const made = table(kind, [object], options, nowMs(), { resourceVersion: object.metadata.resourceVersion }, headers)
    headers = false
    return made
  }
  const frame = (type: EventType, object: object): WatchFrame => {
    const event = { type, object } as WatchFrame['event']
    return { event, line: () => ownLine(event) }
  }
  return {
    change(type, shown) {
      if (view !== 'object') return frame(type, viewed(shown.object))
      return { event: { type, object: shown.object }, line: () => sharedLine(type, shown) }
    },
    bookmark(revision, initialEventsEnd) {
      const object = {
        kind: kind.kind,
        apiVersion: kind.apiVersion,
        metadata: {
          resourceVersion: String(revision),
          ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
        },
      } as unknown as Obj
      return frame('BOOKMARK', viewed(object))
    },
    error: (err) => frame('ERROR', err.toStatus()),
  }
}
