// Event: what happened to an object, told to people. The faces of both API groups show the same stored objects.

import { type FieldError, invalid } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { eventColumns } from './event-columns.ts'
import { defineKind } from './kind.ts'

export type Event = types.Event

export const Event = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  shortNames: ['ev'],
  description: 'A report that something happened to an object. Kept for a while only.',
  columns: eventColumns((e) => e),
  selectableFields: {
    'involvedObject.kind': (e) => e.involvedObject?.kind ?? '',
    'involvedObject.namespace': (e) => e.involvedObject?.namespace ?? '',
    'involvedObject.name': (e) => e.involvedObject?.name ?? '',
    'involvedObject.uid': (e) => e.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (e) => e.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (e) => e.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (e) => e.involvedObject?.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingComponent: (e) => e.reportingComponent ?? '',
    source: (e) => e.source?.component || e.reportingComponent || '',
    type: (e) => e.type ?? '',
  },
  allowCreateOnUpdate: true,
  default(e) {
    e.involvedObject ??= {}
    e.source ??= {}
  },
  validate: validateInvolved,
  volatile: () => true,
  hasGeneration: false,
})

/** k8s: events stand in the namespace of their object; those of cluster objects in `default` or `kube-system`. */
function validateInvolved({ metadata, involvedObject }: DeepReadonly<types.Event>): FieldError[] {
  const namespace = involvedObject?.namespace ?? ''
  const fits =
    namespace === '' ? ['default', 'kube-system'].includes(metadata.namespace ?? '') : namespace === metadata.namespace
  return fits ? [] : [invalid('involvedObject.namespace', namespace, 'does not match event.namespace')]
}
