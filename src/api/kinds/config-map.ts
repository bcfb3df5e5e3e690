import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type ConfigMap = types.ConfigMap

export const ConfigMap = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  scope: 'Namespaced',
  shortNames: ['cm'],
})
