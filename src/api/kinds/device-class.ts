import type * as types from '../types/resource.v1.ts'
import { defineKind } from './kind.ts'

export type DeviceClass = types.DeviceClass

export const DeviceClass = defineKind<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  scope: 'Cluster',
})
