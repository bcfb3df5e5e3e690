import type * as types from '../types/networking.v1.ts'
import { defineKind } from './kind.ts'

export type IPAddress = types.IPAddress

export const IPAddress = defineKind<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  scope: 'Cluster',
  shortNames: ['ip'],
})
