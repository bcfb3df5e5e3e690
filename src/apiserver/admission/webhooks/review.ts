// AdmissionReview, the question and the answer: what a webhook is told of a request, and what its answer is taken for. Pure.
import type { Kind } from '../../../api/kinds/kind.ts'
import { StatusError } from '../../../api/meta/errors.ts'
import type { Status } from '../../../api/types/meta.v1.ts'
import type { AdmissionRequest } from '../admission.ts'
import { namespaceOfRequest } from './match.ts'

const REVIEW_GROUP = 'admission.k8s.io'
const KNOWN_VERSIONS: ReadonlySet<string> = new Set(['v1', 'v1beta1'])

/** The first of the versions that the webhook understands which this server speaks. */
export const reviewVersion = (versions: readonly string[] | undefined): string | undefined =>
  versions?.find((version) => KNOWN_VERSIONS.has(version))

/** How the webhook is shown the objects: in the request's own version, or in an equivalent one. */
export interface ShownAs {
  readonly kind: Kind
  readonly object: object | undefined
  readonly old: object | undefined
}

const gvk = ({ group, version, kind }: { group: string; version: string; kind: string }) => ({ group, version, kind })
const gvr = ({ group, version, plural }: Kind) => ({ group, version, resource: plural })

export function reviewOf(version: string, uid: string, request: AdmissionRequest, shown: ShownAs): object {
  return {
    kind: 'AdmissionReview',
    apiVersion: `${REVIEW_GROUP}/${version}`,
    request: {
      ...requestOf(uid, request, shown),
      object: shown.object ?? null,
      oldObject: shown.old ?? null,
    },
  }
}

/** The request without its objects: what the variable `request` of expressions is. */
export function requestOf(uid: string, request: AdmissionRequest, shown: ShownAs): object {
  const { user, subresource, name, nameGenerated, operation, bodyKind } = request
  const namespace = namespaceOfRequest(request)
  const hidden = nameGenerated && shown.object !== undefined && !('name' in metadataOf(shown.object))
  return {
    ...(uid ? { uid } : {}),
    kind: gvk(bodyKind ?? shown.kind),
    resource: gvr(shown.kind),
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: gvk(bodyKind ?? request.kind),
    requestResource: gvr(request.kind),
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name && !hidden ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.groups.length > 0 ? { groups: user.groups } : {}),
      ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
    },
    dryRun: request.dryRun,
    options: request.options() ?? null,
  }
}

const metadataOf = (obj: object): object => (obj as { metadata?: object }).metadata ?? {}

export interface Verdict {
  readonly allowed: boolean
  readonly status: Partial<Status> | undefined
  /** A JSON patch, as text. */
  readonly patch: string | undefined
  readonly patchType: string
  readonly auditAnnotations: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
}

/** The answer can't be used; the message says why. */
export class BadAnswer extends Error {}

interface Response {
  uid?: string
  allowed?: boolean
  status?: Partial<Status> | null
  patch?: string | null
  patchType?: string | null
  auditAnnotations?: Record<string, string> | null
  warnings?: string[] | null
}

/** @throws BadAnswer */
export function verdictOf(version: string, uid: string, mutating: boolean, answer: unknown): Verdict {
  const { apiVersion, kind, response } = record(answer) as { apiVersion?: string; kind?: string; response?: Response }
  if (typeof response !== 'object' || response === null) throw new BadAnswer('webhook response was absent')
  checkTypes(response)
  const { patch, patchType } = response
  if (version === 'v1') {
    if (response.uid !== uid) {
      throw new BadAnswer(`expected response.uid=${quoted(uid)}, got ${quoted(response.uid ?? '')}`)
    }
    if (kind !== 'AdmissionReview' || apiVersion !== `${REVIEW_GROUP}/v1`) {
      const got = `${apiVersion ?? ''}, Kind=${kind ?? ''}`
      throw new BadAnswer(`expected webhook response of ${REVIEW_GROUP}/v1, Kind=AdmissionReview, got ${got}`)
    }
    checkPatch(mutating, patch, patchType)
  }
  return {
    allowed: response.allowed === true,
    status: response.status ?? undefined,
    patch: mutating && patch ? Buffer.from(patch, 'base64').toString() : undefined,
    patchType: patchType || 'JSONPatch',
    auditAnnotations: response.auditAnnotations ?? {},
    warnings: response.warnings ?? [],
  }
}

function record(answer: unknown): object {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer
  throw new BadAnswer('webhook response was absent')
}

/** What a webhook sends is no more to be trusted than what a client sends. */
function checkTypes({ uid, allowed, status, patch, patchType, auditAnnotations, warnings }: Response): void {
  const texts = (values: unknown[]) => values.every((value) => typeof value === 'string')
  const optional = (value: unknown, type: string) => value === undefined || value === null || typeof value === type
  const good =
    optional(uid, 'string') &&
    optional(allowed, 'boolean') &&
    optional(patch, 'string') &&
    optional(patchType, 'string') &&
    optional(status, 'object') &&
    optional(auditAnnotations, 'object') &&
    texts(Object.values(auditAnnotations ?? {})) &&
    (warnings === undefined || warnings === null || (Array.isArray(warnings) && texts(warnings)))
  if (!good) throw new BadAnswer('json: cannot unmarshal response into Go value of type v1.AdmissionResponse')
}

function checkPatch(mutating: boolean, patch: unknown, patchType: string | null | undefined): void {
  const hasType = patchType !== undefined && patchType !== null
  if (!mutating) {
    if (patch) throw new BadAnswer('validating webhook may not return response.patch')
    if (hasType) throw new BadAnswer('validating webhook may not return response.patchType')
    return
  }
  if (patch && !hasType) throw new BadAnswer('webhook returned response.patch but not response.patchType')
  if (!patch && hasType) throw new BadAnswer('webhook returned response.patchType but not response.patch')
  if (patchType === '') throw new BadAnswer('webhook returned invalid response.patchType of ""')
}

const quoted = (text: string) => JSON.stringify(text)

/** What the client is told of a refusal. k8s: never with a code that looks like success. */
export function refusal(webhook: string, status: Partial<Status> | undefined): StatusError {
  const denied = `admission webhook ${quoted(webhook)} denied the request`
  const { code = 0, message = '', reason = '', details } = status ?? {}
  const text = message ? `${denied}: ${message}` : reason ? `${denied}: ${reason}` : `${denied} without explanation`
  return new StatusError(Number(code) < 400 ? 400 : Number(code), String(reason), text, details)
}
