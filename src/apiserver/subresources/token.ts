// serviceaccounts/token: a token for the account, for a while, perhaps bound to a pod.
import { defineKind, type Kind } from '../../api/kinds/kind.ts'
import { internal } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { decodeBody } from '../../api/schema/body.ts'
import type { TokenRequest as TokenRequestObject } from '../../api/types/authentication.v1.ts'
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts'
import { requestToken } from '../authn/token-request.ts'
import type { Authorize } from '../authorize.ts'
import type { Action } from '../handler.ts'
import { admitBody } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'
import { restrictNodeTokens } from './node-tokens.ts'

const TokenRequest = defineKind<KubeObject>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  scope: 'Namespaced',
}) as unknown as Kind

export function createToken(tokens: ServiceAccountTokens | undefined, authorize: Authorize): Action {
  return async (registry, call) => {
    if (!tokens) throw internal('this server has no key to sign tokens with')
    const { validation, dryRun } = parseWriteOptions(call, 'CreateOptions')
    const { body, headers } = call.request
    const decoded = decodeBody(TokenRequest, body, headers['content-type'], validation)
    call.warnings.push(...decoded.warnings)
    const request = decoded.object as unknown as TokenRequestObject
    await restrictNodeTokens(registry, authorize, call, request)
    const { namespace, name } = call.info
    const asked = decoded.object as unknown as KubeObject
    asked.metadata = { ...asked.metadata, name, namespace }
    await admitBody(registry, call, TokenRequest, asked, dryRun)
    return objectResponse(await requestToken(registry.store, tokens, namespace, name, request), { status: 201 })
  }
}
