// Kinds that ask instead of storing: who is this token's user, who am I, may they, may I, what may I do here.
import { validateQuestion } from '../../api/kinds/access-review.ts'
import { badRequest, type FieldError, invalid } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { decodeBody } from '../../api/schema/body.ts'
import type { SelfSubjectReview, TokenReview } from '../../api/types/authentication.v1.ts'
import type {
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../api/types/authorization.v1.ts'
import type { ApiResponse, UserInfo } from '../../api/wire.ts'
import type { BearerTokens } from '../authn/bearer-tokens.ts'
import { reviewToken } from '../authn/token-request.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { Action } from '../handler.ts'
import type { Call } from '../registry/call.ts'
import { checkNamespace } from '../registry/create.ts'
import { admitBody, refuseInvalid } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'
import { askedAttributes, selectorErrors } from './asked-attributes.ts'

export interface ReviewParts {
  readonly authorizer: Authorizer
  readonly bearerTokens: BearerTokens
}

export function reviews({ authorizer, bearerTokens }: ReviewParts): Readonly<Record<string, Action>> {
  return {
    TokenReview: review<TokenReview & KubeObject>(async ({ signal, log }, { spec }) => {
      return reviewToken({ signal, log }, bearerTokens, spec ?? {})
    }),
    SelfSubjectReview: review<SelfSubjectReview & KubeObject>(async ({ user }) => ({ userInfo: userInfo(user) })),
    SubjectAccessReview: review<SubjectAccessReview & KubeObject>(async (call, { spec, metadata }) => {
      refuseInvalid(call.kind, '', [...metadataErrors(metadata), ...validateQuestion(spec, true)])
      return decide(authorizer, call, subject(spec), spec)
    }),
    LocalSubjectAccessReview: review<LocalSubjectAccessReview & KubeObject>(async (call, obj) => {
      checkNamespace(call, obj)
      const { spec, metadata } = obj
      const errors = [...metadataErrors(metadata, 'namespace'), ...validateQuestion(spec, true)]
      const asked = spec?.resourceAttributes
      const { namespace } = call.info
      if (asked && (asked.namespace ?? '') !== namespace) {
        errors.push(
          invalid('spec.resourceAttributes.namespace', asked.namespace ?? '', 'must match metadata.namespace'),
        )
      }
      if (spec?.nonResourceAttributes) {
        const why = 'disallowed on this kind of request'
        errors.push(invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, why))
      }
      refuseInvalid(call.kind, '', errors)
      return decide(authorizer, call, subject(spec), spec)
    }),
    SelfSubjectAccessReview: review<SubjectAccessReview & KubeObject>(async (call, { spec, metadata }) => {
      refuseInvalid(call.kind, '', [...metadataErrors(metadata), ...validateQuestion(spec, false)])
      return decide(authorizer, call, call.user, spec)
    }),
    SelfSubjectRulesReview: review<SelfSubjectRulesReview & KubeObject>(async ({ user }, { spec }) => {
      if (!spec?.namespace) throw badRequest('no namespace on request')
      return authorizer.rulesFor(user, spec.namespace)
    }),
  }
}

/** Decodes the question and answers it with itself and its status. */
function review<T extends KubeObject>(answer: (call: Call, obj: T) => Promise<object>): Action {
  return async (registry, call): Promise<ApiResponse> => {
    const { body, headers } = call.request
    const { validation, dryRun } = parseWriteOptions(call, 'CreateOptions')
    const decoded = decodeBody(call.kind, body, headers['content-type'], validation)
    call.warnings.push(...decoded.warnings)
    const obj = decoded.object as unknown as T & { status?: unknown }
    obj.metadata ??= {} as T['metadata']
    await admitBody(registry, call, undefined, obj, dryRun)
    const metadata = { ...obj.metadata, creationTimestamp: null }
    return objectResponse({ ...obj, metadata, status: await answer(call, obj) }, { status: 201 })
  }
}

interface AccessSpec {
  resourceAttributes?: ResourceAttributes
  nonResourceAttributes?: NonResourceAttributes
}

/** k8s: the metadata of a question must be empty, or the namespace alone where it has one. */
async function decide(
  authorizer: Authorizer,
  call: Call,
  user: UserInfo,
  spec: AccessSpec,
): Promise<SubjectAccessReviewStatus> {
  const { resourceAttributes } = spec
  const { attributes, problems } = askedAttributes(spec)
  const errors = resourceAttributes ? selectorErrors(resourceAttributes) : []
  refuseInvalid(call.kind, '', errors)
  const decision = await authorizer.authorize(user, attributes)
  const { allowed, denied, evaluationError } = decision
  const all = [...(evaluationError ? [evaluationError] : []), ...problems]
  return {
    allowed,
    ...(denied ? { denied } : {}),
    ...(decision.why ? { reason: decision.why } : {}),
    ...(all.length > 0 ? { evaluationError: all.length === 1 ? all[0]! : `[${all.join(', ')}]` } : {}),
  }
}

function metadataErrors(metadata: KubeObject['metadata'] | undefined, ...may: string[]): FieldError[] {
  const set = Object.entries(metadata ?? {}).filter(([field, value]) => {
    const empty = value === null || value === '' || field === 'managedFields'
    return !empty && !may.includes(field)
  })
  if (set.length === 0) return []
  const why = may.length > 0 ? 'must be empty except for namespace' : 'must be empty'
  return [invalid('metadata', metadata, why)]
}

const subject = ({ user = '', groups = [], uid, extra }: SubjectAccessReview['spec']): UserInfo => ({
  name: user,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
})

function userInfo({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid ? { uid } : {}), groups: [...groups], ...(extra ? { extra } : {}) }
}
