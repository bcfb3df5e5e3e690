import type * as types from '../types/admissionregistration.v1.ts'
import { defineKind } from './kind.ts'

export type MutatingAdmissionPolicyBinding = types.MutatingAdmissionPolicyBinding

export const MutatingAdmissionPolicyBinding = defineKind<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  scope: 'Cluster',
  categories: ['api-extensions'],
})
