import type * as types from '../types/apiextensions.v1.ts'
import { defineKind } from './kind.ts'

export type CustomResourceDefinition = types.CustomResourceDefinition

export const CustomResourceDefinition = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  scope: 'Cluster',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  subresources: ['status'],
})
