import type * as types from '../types/batch.v1.ts'
import { defineKind } from './kind.ts'

export type Job = types.Job

export const Job = defineKind<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  scope: 'Namespaced',
  categories: ['all'],
  subresources: ['status'],
})
