// Removes requests for certificates that nobody needs any more: an hour after they were decided or failed, a day after they were made
// when nobody decides, and when the certificate has expired. Each has its own deadline; nothing looks around in between.
import { X509Certificate } from 'node:crypto'
import { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import { isNotFound } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { parseTime } from '../../api/meta/time.ts'
import { type Controller, defineController } from '../controller.ts'

const HOUR_MS = 3600_000
const DECIDED_MS = HOUR_MS
const PENDING_MS = 24 * HOUR_MS

/** When the request goes, in milliseconds since the epoch. */
export function deadlineMs({ metadata, status }: DeepReadonly<CertificateSigningRequest>): number {
  const conditions = status?.conditions ?? []
  const made = parseTime(metadata.creationTimestamp) ?? 0
  const ends: number[] = []
  for (const { type, lastUpdateTime } of conditions) {
    // k8s: approved ones wait for their certificate a little longer than the others.
    const counts = type === 'Denied' || type === 'Failed' || (type === 'Approved' && status?.certificate)
    if (counts) ends.push((parseTime(lastUpdateTime) ?? made) + DECIDED_MS)
  }
  const pending = !conditions.some(({ type }) => type === 'Approved' || type === 'Denied')
  if (pending) ends.push(made + PENDING_MS)
  const expires = status?.certificate && expiryMs(status.certificate)
  if (expires) ends.push(expires)
  return Math.min(...ends)
}

function expiryMs(base64: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(Buffer.from(base64, 'base64')).validTo)
  } catch {
    return undefined
  }
}

export const csrCleaner: Controller<never> = defineController<CertificateSigningRequest>({
  name: 'certificatesigningrequest-cleaner',
  kind: CertificateSigningRequest,
  triggers: [],
  async sync(ctx, csr, _key, { client, clock }) {
    if (!csr || csr.metadata.deletionTimestamp) return
    const leftMs = deadlineMs(csr) - clock.now()
    if (leftMs === Number.POSITIVE_INFINITY) return
    if (leftMs > 0) return { againInMs: leftMs }
    const { name, uid } = csr.metadata
    await client.delete(ctx, CertificateSigningRequest, { name }, { preconditions: { uid } }).catch((err) => {
      if (!isNotFound(err)) throw err
    })
  },
})
