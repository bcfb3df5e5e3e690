import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type Endpoints = types.Endpoints

export const Endpoints = defineKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  scope: 'Namespaced',
  shortNames: ['ep'],
})
