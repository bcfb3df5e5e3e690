import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type Event = types.Event

export const Event = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  scope: 'Namespaced',
  shortNames: ['ev'],
})
