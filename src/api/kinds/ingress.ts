import type * as types from '../types/networking.v1.ts'
import { defineKind } from './kind.ts'

export type Ingress = types.Ingress

export const Ingress = defineKind<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  scope: 'Namespaced',
  shortNames: ['ing'],
  subresources: ['status'],
})
