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

const TAIL = Buffer.from('}')
const linesByShown = new WeakMap<Shown, Partial<Record<EventType, Uint8Array>>>()

function sharedLine(type: EventType, shown: Shown): Uint8Array {
  const lines = linesByShown.get(shown) ?? {}
  linesByShown.set(shown, lines)
  lines[type] ??= Buffer.concat([Buffer.from(`{"type":"${type}","object":`), shown.json, TAIL])
  return lines[type]
}

const ownLine = (event: object) => Buffer.from(JSON.stringify(event))

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
    return { event, json: () => ownLine(event) }
  }
  return {
    change(type, shown) {
      if (view !== 'object') return frame(type, viewed(shown.object))
      return { event: { type, object: shown.object }, json: () => sharedLine(type, shown) }
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
