// Kinds that ask instead of storing: who is this token's user, who am I, may they, may I, what may I do here.
import { badRequest, type FieldError, invalid, required } from '../../api/meta/errors.ts'
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
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts'
import { reviewToken } from '../authn/token-request.ts'
import type { Attributes } from '../authz/attributes.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { Action } from '../handler.ts'
import type { Call } from '../registry/call.ts'
import { checkNamespace } from '../registry/create.ts'
import { admitBody, refuseInvalid } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'

export interface ReviewParts {
  readonly authorizer: Authorizer
  /** Undefined in a server without keys: no token is anybody's. */
  readonly tokens: ServiceAccountTokens | undefined
}

export function reviews({ authorizer, tokens }: ReviewParts): Readonly<Record<string, Action>> {
  return {
    TokenReview: review<TokenReview & KubeObject>(async (_call, { spec }) => {
      if (!tokens) return { authenticated: false, user: {}, error: 'this server knows no tokens' }
      return reviewToken(tokens, spec)
    }),
    SelfSubjectReview: review<SelfSubjectReview & KubeObject>(async ({ user }) => ({ userInfo: userInfo(user) })),
    SubjectAccessReview: review<SubjectAccessReview & KubeObject>(async (call, { spec }) => {
      return decide(authorizer, call, subject(call, spec), spec)
    }),
    LocalSubjectAccessReview: review<LocalSubjectAccessReview & KubeObject>(async (call, obj) => {
      checkNamespace(call, obj)
      const { spec } = obj
      if (spec.nonResourceAttributes) {
        const why = 'disallowed on this kind of request'
        refuseInvalid(call.kind, '', [invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, why)])
      }
      const namespace = spec.resourceAttributes?.namespace ?? ''
      if (namespace !== call.info.namespace) {
        const why = `must match metadata.namespace: ${call.info.namespace}`
        refuseInvalid(call.kind, '', [invalid('spec.resourceAttributes.namespace', namespace, why)])
      }
      return decide(authorizer, call, subject(call, spec), spec)
    }),
    SelfSubjectAccessReview: review<SubjectAccessReview & KubeObject>(async (call, { spec }) => {
      return decide(authorizer, call, call.user, spec)
    }),
    SelfSubjectRulesReview: review<SelfSubjectRulesReview & KubeObject>(async ({ user }, { spec }) => {
      if (!spec.namespace) throw badRequest('no namespace on request')
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
    await admitBody(registry, call, undefined, obj, dryRun)
    const metadata = { ...obj.metadata, creationTimestamp: null }
    return objectResponse({ ...obj, metadata, status: await answer(call, obj) }, { status: 201 })
  }
}

interface AccessSpec {
  resourceAttributes?: ResourceAttributes
  nonResourceAttributes?: NonResourceAttributes
}

function decide(authorizer: Authorizer, call: Call, user: UserInfo, spec: AccessSpec): SubjectAccessReviewStatus {
  const { resourceAttributes, nonResourceAttributes } = spec
  const errors: FieldError[] = []
  const either = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
  if (resourceAttributes && nonResourceAttributes) {
    errors.push(
      invalid(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        `cannot be specified in combination with resourceAttributes`,
      ),
    )
  }
  if (!resourceAttributes && !nonResourceAttributes) errors.push(invalid('spec.resourceAttributes', null, either))
  refuseInvalid(call.kind, '', errors)
  const { allowed, reason, evaluationError } = authorizer.authorize(user, attributesOf(spec))
  return {
    allowed,
    ...(allowed && reason ? { reason } : {}),
    ...(evaluationError ? { evaluationError } : {}),
  }
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: AccessSpec): Attributes {
  const { verb = '', group = '', resource = '', subresource = '', namespace = '', name = '' } = resourceAttributes ?? {}
  if (resourceAttributes) return { isResource: true, path: '', verb, group, resource, subresource, namespace, name }
  const { path = '', verb: method = '' } = nonResourceAttributes ?? {}
  return { isResource: false, path, verb: method, group: '', resource: '', subresource: '', namespace: '', name: '' }
}

function subject(call: Call, spec: SubjectAccessReview['spec']): UserInfo {
  const { user = '', groups = [], uid, extra } = spec
  if (!user && groups.length === 0) {
    refuseInvalid(call.kind, '', [required('spec.user', 'at least one of user or group must be specified')])
  }
  return { name: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }
}

function userInfo({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid ? { uid } : {}), groups: [...groups], ...(extra ? { extra } : {}) }
}
