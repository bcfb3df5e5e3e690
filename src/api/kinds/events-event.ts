import type * as types from '../types/events.v1.ts'
import { defineKind } from './kind.ts'

export type EventsEvent = types.Event

export const EventsEvent = defineKind<EventsEvent>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  shortNames: ['ev'],
})
