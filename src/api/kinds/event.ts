// Event: what happened to an object, told to people. The faces of both API groups show the same stored objects.

import { type FieldError, invalid, required } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
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
  validate: (e) => validateInvolved(e, 'reportingComponent'),
  volatile: () => true,
  hasGeneration: false,
})

const MAX_WORD = 128
const MAX_NOTE = 1024

/**
 * k8s: events stand in the namespace of their object; newer ones say who reports them and what was done.
 * @param controllerField what the group of the request calls it
 */
export function validateInvolved(event: DeepReadonly<types.Event>, controllerField: string): FieldError[] {
  const errors: FieldError[] = []
  const own = event.metadata.namespace ?? ''
  const namespace = event.involvedObject?.namespace ?? ''
  const fits = event.eventTime
    ? namespace !== '' || own === 'default' || own === 'kube-system'
    : namespace === ''
      ? own === '' || own === 'default'
      : namespace === own
  if (!fits) errors.push(invalid('involvedObject.namespace', namespace, 'does not match event.namespace'))
  if (!event.eventTime) return errors
  const controller = event.reportingComponent ?? ''
  if (!controller) errors.push(required(controllerField))
  for (const problem of qualifiedName(controller)) errors.push(invalid(controllerField, controller, problem))
  checkWord(errors, 'reportingInstance', event.reportingInstance)
  checkWord(errors, 'action', event.action)
  checkWord(errors, 'reason', event.reason)
  if (Buffer.byteLength(event.message ?? '') > MAX_NOTE) errors.push(invalid('message', '', atMost(MAX_NOTE)))
  return errors
}

const atMost = (max: number) => `can have at most ${max} characters`

function checkWord(errors: FieldError[], field: string, word = ''): void {
  if (!word) errors.push(required(field))
  else if (Buffer.byteLength(word) > MAX_WORD) errors.push(invalid(field, '', atMost(MAX_WORD)))
}
