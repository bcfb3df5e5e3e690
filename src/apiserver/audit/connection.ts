// Upgraded connections (exec, attach, port-forward) in the audit log: they do not go through the request handler.
import type { ApiRequest } from '../../api/wire.ts'
import type { Authorize } from '../authorize.ts'
import { parseRequestInfo } from '../request-info.ts'
import { toStatusError } from '../respond.ts'
import type { Auditor } from './auditor.ts'

/** Opens the connection with `open`, and tells its beginning and its end. @throws what `open` throws */
export async function auditedConnection<T>(
  { audit, newUid }: { audit: Auditor | undefined; newUid: () => string },
  request: ApiRequest,
  authorize: Authorize,
  open: (authorize: Authorize) => Promise<T>,
): Promise<T> {
  const info = audit && parseRequestInfo(request.method, request.path, request.query)
  const record = info && audit.begin(request, info, request.headers['audit-id']?.slice(0, 64) || newUid())
  if (!record) return open(authorize)
  try {
    const opened = await open(record.listening(authorize))
    record.switched()
    request.signal.addEventListener('abort', () => record.stage('ResponseComplete'), { once: true })
    return opened
  } catch (err) {
    record.refused(toStatusError(err).toStatus())
    throw err
  }
}
