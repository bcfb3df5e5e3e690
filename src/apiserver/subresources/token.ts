// serviceaccounts/token: a token for the account, for a while, perhaps bound to a pod.
import { defineKind, type Kind } from '../../api/kinds/kind.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { forbidden, internal } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { decodeBody } from '../../api/schema/body.ts'
import type { TokenRequest as TokenRequestObject } from '../../api/types/authentication.v1.ts'
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts'
import { requestToken } from '../authn/token-request.ts'
import { nodeNameOf } from '../authz/node.ts'
import type { Action } from '../handler.ts'
import { type Call, type Registry, refOf } from '../registry/call.ts'
import { admitBody } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'
import { keyOf } from '../storage/keys.ts'

const TokenRequest = defineKind<KubeObject>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  scope: 'Namespaced',
}) as unknown as Kind

export function createToken(tokens: ServiceAccountTokens | undefined): Action {
  return async (registry, call) => {
    if (!tokens) throw internal('this server has no key to sign tokens with')
    const { validation, dryRun } = parseWriteOptions(call, 'CreateOptions')
    const { body, headers } = call.request
    const decoded = decodeBody(TokenRequest, body, headers['content-type'], validation)
    call.warnings.push(...decoded.warnings)
    const request = decoded.object as unknown as TokenRequestObject
    await restrictNodes(registry, call, request)
    const { namespace, name } = call.info
    const asked = decoded.object as unknown as KubeObject
    asked.metadata = { ...asked.metadata, name, namespace }
    await admitBody(registry, call, TokenRequest, asked, dryRun)
    return objectResponse(await requestToken(registry.store, tokens, namespace, name, request), { status: 201 })
  }
}

/** k8s: a node's agent only gets tokens for pods that run on it. */
async function restrictNodes({ store }: Registry, call: Call, { spec }: TokenRequestObject): Promise<void> {
  const node = nodeNameOf(call.user)
  if (node === undefined) return
  const ref = spec?.boundObjectRef
  const refuse = (why: string) => forbidden(refOf(call.kind), call.info.name, why)
  if (ref?.kind !== 'Pod' || !ref.name || !ref.uid) throw refuse(`node requested token not bound to a pod`)
  const entry = await store.get(keyOf(Pod as never, call.info.namespace, ref.name))
  const pod = entry?.object as unknown as Pod | undefined
  if (pod?.metadata.uid !== ref.uid) throw refuse('the UID in the bound object reference does not match the pod')
  if (pod.spec.nodeName !== node) throw refuse(`node requested token bound to a pod scheduled on a different node`)
}
