import type * as types from '../types/admissionregistration.v1.ts'
import { defineKind } from './kind.ts'

export type MutatingAdmissionPolicy = types.MutatingAdmissionPolicy

export const MutatingAdmissionPolicy = defineKind<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  scope: 'Cluster',
  categories: ['api-extensions'],
})
