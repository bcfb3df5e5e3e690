// Event of the group events.k8s.io: the newer face of core events, stored as such.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type { Event as CoreEvent } from '../types/core.v1.ts'
import type * as types from '../types/events.v1.ts'
import { checkImmutable } from './check.ts'
import { validateInvolved } from './event.ts'
import { eventColumns } from './event-columns.ts'
import { defineKind } from './kind.ts'

export type EventsEvent = types.Event

/** The same event with the field names of the core API. */
export function toCore(event: DeepReadonly<types.Event>): CoreEvent {
  const {
    regarding,
    note,
    reportingController,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    ...same
  } = event
  return withoutUndefined({
    ...same,
    apiVersion: 'v1',
    involvedObject: regarding ?? {},
    message: note,
    reportingComponent: reportingController,
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp,
    lastTimestamp: deprecatedLastTimestamp,
    count: deprecatedCount,
  }) as unknown as CoreEvent
}

function fromCore(stored: KubeObject): types.Event {
  const { involvedObject, message, reportingComponent, source, firstTimestamp, lastTimestamp, count, ...same } =
    stored as CoreEvent
  return withoutUndefined({
    ...same,
    apiVersion: 'events.k8s.io/v1',
    regarding: involvedObject,
    note: message,
    reportingController: reportingComponent,
    deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    deprecatedCount: count,
  }) as unknown as types.Event
}

const withoutUndefined = (obj: object): object =>
  Object.fromEntries(Object.entries(obj).filter(([, value]) => value !== undefined))

type Core = DeepReadonly<CoreEvent>

/** What a new event of this group must be, in the terms of the core group. k8s: older clients' events come in through that group. */
function strictErrors(e: Core): FieldError[] {
  const errors = seriesErrors(e)
  if (!e.eventTime) errors.push(required('eventTime'))
  if (e.type !== 'Normal' && e.type !== 'Warning') {
    errors.push(invalid('type', '', `has invalid value: ${e.type ?? ''}`))
  }
  const unset = (field: string, isSet: unknown) => {
    if (isSet) errors.push(invalid(field, '', 'needs to be unset'))
  }
  unset('firstTimestamp', e.firstTimestamp)
  unset('lastTimestamp', e.lastTimestamp)
  unset('count', e.count)
  unset('source', e.source?.component || e.source?.host)
  return errors
}

function seriesErrors({ series }: Core): FieldError[] {
  if (!series) return []
  const errors: FieldError[] = []
  if ((series.count ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'))
  if (!series.lastObservedTime) errors.push(required('series.lastObservedTime'))
  return errors
}

const legacyErrors = (e: Core) => validateInvolved(e, 'reportingController')

const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'eventTime',
  'action',
  'related',
] as const

/** Nothing but the series goes on. */
function changeErrors(e: Core, old: Core): FieldError[] {
  const errors = semanticEqual(e.series, old.series) ? [] : seriesErrors(e)
  for (const field of FIXED) checkImmutable(errors, field, e[field], old[field])
  checkImmutable(errors, 'reportingController', e.reportingComponent, old.reportingComponent)
  checkImmutable(errors, 'reportingInstance', e.reportingInstance, old.reportingInstance)
  return errors
}

export const EventsEvent = defineKind<EventsEvent>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  shortNames: ['ev'],
  description: 'A report that something happened to an object. Kept for a while only.',
  columns: eventColumns((e) => toCore(e)),
  selectableFields: {
    'regarding.kind': (e) => e.regarding?.kind ?? '',
    'regarding.namespace': (e) => e.regarding?.namespace ?? '',
    'regarding.name': (e) => e.regarding?.name ?? '',
    'regarding.uid': (e) => e.regarding?.uid ?? '',
    'regarding.apiVersion': (e) => e.regarding?.apiVersion ?? '',
    'regarding.resourceVersion': (e) => e.regarding?.resourceVersion ?? '',
    'regarding.fieldPath': (e) => e.regarding?.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingController: (e) => e.reportingController ?? '',
    type: (e) => e.type ?? '',
  },
  allowCreateOnUpdate: true,
  default(e) {
    e.regarding ??= {}
    e.deprecatedSource ??= {}
  },
  validate: (e) => [...legacyErrors(toCore(e)), ...strictErrors(toCore(e))],
  validateChange: (e, old) => [...legacyErrors(toCore(e)), ...changeErrors(toCore(e), toCore(old))],
  volatile: () => true,
  hasGeneration: false,
  storedAs: { group: '', version: 'v1', kind: 'Event', toStored: (e) => toCore(e) as KubeObject, fromStored: fromCore },
})
