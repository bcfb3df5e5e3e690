// What a request for a certificate says of its own state.
import type { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'

type Type = 'Approved' | 'Denied' | 'Failed'

export function has({ status }: DeepReadonly<CertificateSigningRequest>, type: Type): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
}
