import type * as types from '../types/admissionregistration.v1.ts'
import { defineKind } from './kind.ts'

export type ValidatingAdmissionPolicyBinding = types.ValidatingAdmissionPolicyBinding

export const ValidatingAdmissionPolicyBinding = defineKind<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  scope: 'Cluster',
  categories: ['api-extensions'],
})
