// What expressions about a request see: `request`, `object`, `oldObject`, `namespaceObject`, `params`, `authorizer`; their types for the
// check and their values for evaluation.
import type { CelEnvironment } from '../../../api/cel/cel.ts'
import {
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  authorizerValue,
  type Decide,
  requestResourceValue,
} from '../../../api/cel/library/authorizer.ts'
import { typeOfKind } from '../../../api/cel/schema-types.ts'
import {
  AUTHORIZER,
  BOOL,
  type CelType,
  DYN,
  listOf,
  mapOf,
  objectType,
  RESOURCE_CHECK,
  STRING,
} from '../../../api/cel/types.ts'
import type { Kind } from '../../../api/kinds/kind.ts'
import { Namespace } from '../../../api/kinds/namespace.ts'
import type { UserInfo } from '../../../api/wire.ts'
import type { Attributes } from '../../authz/attributes.ts'
import type { Authorizer } from '../../authz/authorizer.ts'
import type { AdmissionRequest } from '../admission.ts'
import { namespaceOfRequest } from '../webhooks/match.ts'
import type { ShownAs } from '../webhooks/review.ts'

const gvk = objectType('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING })
const gvr = objectType('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING })
const userInfo = objectType('kubernetes.UserInfo', {
  username: STRING,
  uid: STRING,
  groups: listOf(STRING),
  extra: mapOf(STRING, listOf(STRING)),
})
const requestType = objectType('kubernetes.AdmissionRequest', {
  kind: gvk,
  resource: gvr,
  subResource: STRING,
  requestKind: gvk,
  requestResource: gvr,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo,
  dryRun: BOOL,
  options: DYN,
})

/** Match conditions of webhooks see this; policies see more. */
export const requestVariables: CelEnvironment['variables'] = {
  object: DYN,
  oldObject: DYN,
  request: requestType,
  authorizer: AUTHORIZER,
  'authorizer.requestResource': RESOURCE_CHECK,
}
export const policyVariables = (params: boolean, variables: CelType | undefined): CelEnvironment['variables'] => ({
  ...requestVariables,
  namespaceObject: typeOfKind(Namespace.schema),
  ...(params ? { params: DYN } : {}),
  ...(variables ? { variables } : {}),
})

const version = ({ group, version: name, kind }: { group: string; version: string; kind: string }) => ({
  group,
  version: name,
  kind,
})
const resource = (kind: Kind) => ({ group: kind.group, version: kind.version, resource: kind.plural })

/** Values of `requestVariables`; each is made when it is needed. */
export function requestBindings(request: AdmissionRequest, shown: ShownAs, authorizer: Authorizer) {
  const decide: Decide = (question) => decideFor(authorizer, request.user, question)
  return {
    object: shown.object ?? null,
    oldObject: shown.old ?? null,
    request: () => requestValue(request, shown),
    authorizer: () => authorizerValue(decide),
    'authorizer.requestResource': () =>
      requestResourceValue(decide, {
        group: request.kind.group,
        resource: request.kind.plural,
        subresource: request.subresource,
        namespace: namespaceOfRequest(request),
        name: request.name,
      }),
  }
}

function requestValue(request: AdmissionRequest, shown: ShownAs): object {
  const { user, subresource, name, operation, bodyKind, dryRun } = request
  return {
    kind: version(bodyKind ?? shown.kind),
    resource: resource(shown.kind),
    subResource: subresource,
    requestKind: version(bodyKind ?? request.kind),
    requestResource: resource(request.kind),
    requestSubResource: subresource,
    name,
    namespace: namespaceOfRequest(request),
    operation,
    userInfo: { username: user.name, uid: user.uid ?? '', groups: [...user.groups], extra: user.extra ?? {} },
    dryRun,
    options: request.options() ?? null,
  }
}

/** k8s: an expression's authorisation questions are answered at once; what would take a web service's answer is an error. */
function decideFor(authorizer: Authorizer, user: UserInfo, question: AuthorizationQuestion): AuthorizationAnswer {
  const { serviceAccount, path, fieldSelector, labelSelector } = question
  const asked: UserInfo = serviceAccount
    ? {
        name: `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`,
        groups: [
          'system:serviceaccounts',
          `system:serviceaccounts:${serviceAccount.namespace}`,
          'system:authenticated',
        ],
      }
    : user
  const attributes: Attributes = {
    isResource: path === undefined,
    verb: question.verb,
    path: path ?? '',
    group: question.group,
    version: '*',
    resource: question.resource,
    subresource: question.subresource,
    namespace: question.namespace,
    name: question.name,
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  }
  const decision = authorizer.authorize(asked, attributes)
  if (decision instanceof Promise) {
    return { allowed: false, reason: '', error: 'the authorizer could not answer at once' }
  }
  return { allowed: decision.allowed, reason: decision.why ?? '' }
}
