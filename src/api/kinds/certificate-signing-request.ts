import type * as types from '../types/certificates.v1.ts'
import { defineKind } from './kind.ts'

export type CertificateSigningRequest = types.CertificateSigningRequest

export const CertificateSigningRequest = defineKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  scope: 'Cluster',
  shortNames: ['csr'],
  subresources: ['status', 'approval'],
})
