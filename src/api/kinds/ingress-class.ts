import type * as types from '../types/networking.v1.ts'
import { defineKind } from './kind.ts'

export type IngressClass = types.IngressClass

export const IngressClass = defineKind<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  scope: 'Cluster',
})
