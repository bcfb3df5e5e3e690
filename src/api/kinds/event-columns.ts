// What `kubectl get events` prints, for both faces of an event.
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import { ageOf } from '../meta/time.ts'
import type { Event } from '../types/core.v1.ts'
import { count, name, text, wide } from './columns.ts'
import type { Column } from './kind.ts'

type Core = DeepReadonly<Event>

const firstSeen = (e: Core, nowMs: number) => ageOf(e.firstTimestamp ?? e.eventTime, nowMs)

function lastSeen(e: Core, nowMs: number): string {
  if (e.series) return ageOf(e.series.lastObservedTime, nowMs)
  return e.lastTimestamp ? ageOf(e.lastTimestamp, nowMs) : firstSeen(e, nowMs)
}

const target = ({ involvedObject: { kind = '', name: objectName } }: Core) =>
  objectName ? `${kind.toLowerCase()}/${objectName}` : kind.toLowerCase()

function source(e: Core): string {
  const component = e.source?.component || e.reportingComponent || ''
  const host = e.source?.host || e.reportingInstance || ''
  return host ? `${component}, ${host}` : component
}

/** `core` shows any face of an event as a core event. */
export function eventColumns<T extends KubeObject>(core: (event: DeepReadonly<T>) => Core): Column<T>[] {
  return [
    text('Last Seen', (e, nowMs) => lastSeen(core(e), nowMs), 'Time since it last happened.'),
    text('Type', (e) => core(e).type ?? '', 'Normal or Warning.'),
    text('Reason', (e) => core(e).reason ?? '', 'Why, in one word.'),
    text('Object', (e) => target(core(e)), 'What it is about.'),
    wide(text('Subobject', (e) => core(e).involvedObject.fieldPath ?? '', 'The part of the object.')),
    wide(text('Source', (e) => source(core(e)), 'Who says so.')),
    text('Message', (e) => (core(e).message ?? '').trim(), 'What happened, for people.'),
    wide(text('First Seen', (e, nowMs) => firstSeen(core(e), nowMs), 'Time since it first happened.')),
    wide(count('Count', (e) => core(e).series?.count ?? (core(e).count || 1), 'How often it happened.')),
    wide(name()),
  ]
}
