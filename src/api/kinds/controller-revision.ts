import type * as types from '../types/apps.v1.ts'
import { defineKind } from './kind.ts'

export type ControllerRevision = types.ControllerRevision

export const ControllerRevision = defineKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
})
