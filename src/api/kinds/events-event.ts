// Event of the group events.k8s.io: the newer face of core events, stored as such.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type { Event as CoreEvent } from '../types/core.v1.ts'
import type * as types from '../types/events.v1.ts'
import { checkOneOf, checkQualified } from './check.ts'
import { Event } from './event.ts'
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
  validate(e) {
    const errors: FieldError[] = [...(Event.validate?.(toCore(e)) ?? [])].map((error) => ({
      ...error,
      field: error.field.replace('involvedObject', 'regarding'),
    }))
    // k8s: what older clients wrote through the core API is let through
    if (!e.eventTime) return errors
    checkQualified(errors, 'reportingController', e.reportingController)
    if (!e.reportingInstance) errors.push(required('reportingInstance'))
    else if (e.reportingInstance.length > 128) {
      errors.push(invalid('reportingInstance', e.reportingInstance, 'can have at most 128 characters'))
    }
    if (!e.action) errors.push(required('action'))
    else if (e.action.length > 128) errors.push(invalid('action', e.action, 'can have at most 128 characters'))
    if (!e.reason) errors.push(required('reason'))
    else if (e.reason.length > 128) errors.push(invalid('reason', e.reason, 'can have at most 128 characters'))
    if ((e.note?.length ?? 0) > 1024) errors.push(invalid('note', e.note, 'can have at most 1024 characters'))
    checkOneOf(errors, 'type', e.type, ['Normal', 'Warning'])
    return errors
  },
  volatile: () => true,
  hasGeneration: false,
  storedAs: { group: '', version: 'v1', kind: 'Event', toStored: (e) => toCore(e) as KubeObject, fromStored: fromCore },
})
