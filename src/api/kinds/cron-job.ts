import type * as types from '../types/batch.v1.ts'
import { defineKind } from './kind.ts'

export type CronJob = types.CronJob

export const CronJob = defineKind<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  scope: 'Namespaced',
  shortNames: ['cj'],
  categories: ['all'],
  subresources: ['status'],
})
