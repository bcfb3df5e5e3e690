import type * as types from '../types/admissionregistration.v1.ts'
import { defineKind } from './kind.ts'

export type ValidatingAdmissionPolicy = types.ValidatingAdmissionPolicy

export const ValidatingAdmissionPolicy = defineKind<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  scope: 'Cluster',
  categories: ['api-extensions'],
  subresources: ['status'],
})
