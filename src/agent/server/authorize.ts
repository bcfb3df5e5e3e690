// Who may talk to the agent: only the API server's kubelet client and the cluster's administrators, by client certificate of the cluster's CA.
import type { TLSSocket } from 'node:tls'
import { HttpError } from './http-error.ts'

const API_SERVER = 'kube-apiserver-kubelet-client'
const ADMINISTRATORS = 'system:masters'

export interface CertificateSubject {
  CN?: string | string[] | undefined
  O?: string | string[] | undefined
}

const all = (value: string | string[] | undefined): string[] => (Array.isArray(value) ? value : value ? [value] : [])

export const isAllowed = (subject: CertificateSubject): boolean =>
  all(subject.CN).includes(API_SERVER) || all(subject.O).includes(ADMINISTRATORS)

/** @throws HttpError 401 without a valid certificate, 403 with another one. */
export function authorize(socket: TLSSocket): void {
  const subject = socket.authorized
    ? (socket.getPeerCertificate().subject as CertificateSubject | undefined)
    : undefined
  if (!subject) throw new HttpError(401, 'Unauthorized')
  if (!isAllowed(subject))
    throw new HttpError(403, `Forbidden (user=${all(subject.CN)[0] ?? ''}, verb=*, resource=nodes, subresource=proxy)`)
}
