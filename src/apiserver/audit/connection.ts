// What does not go through the request handler, in the audit log: upgraded connections (exec, attach, port-forward), and requests that
// end with their authentication.
import type { ApiRequest, UserInfo } from '../../api/wire.ts'
import type { Credentials } from '../authn/authenticator.ts'
import type { Authorize } from '../authorize.ts'
import { parseRequestInfo } from '../request-info.ts'
import { toStatusError } from '../respond.ts'
import type { Auditor } from './auditor.ts'
import { refusedUser } from './impersonators.ts'

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

type Authenticate = (credentials: Credentials, gone: { readonly signal: AbortSignal }) => Promise<UserInfo>

/** The same; wrong credentials and refused impersonations are told. k8s: of the former nobody is the user. */
export function auditedAuthentication(
  { audit, newUid }: { audit: Auditor | undefined; newUid: () => string },
  authenticate: Authenticate,
): Authenticate {
  if (!audit) return authenticate
  return async (credentials, gone) => {
    try {
      return await authenticate(credentials, gone)
    } catch (err) {
      const { headers, method = 'GET', path = '/', query = new URLSearchParams() } = credentials
      const user = refusedUser(err) ?? { name: '', groups: [] }
      const request: ApiRequest = { method: method as 'GET', path, query, headers, user, signal: gone.signal }
      const info = parseRequestInfo(request.method, path, query)
      audit.begin(request, info, headers['audit-id']?.slice(0, 64) || newUid())?.refused(toStatusError(err).toStatus())
      throw err
    }
  }
}
