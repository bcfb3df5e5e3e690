// Fills Secrets of type kubernetes.io/service-account-token with a token of their ServiceAccount, and removes those whose account is gone.
// Pods don't need such Secrets: they get short-lived tokens. Users who want a lasting one create a Secret and find it filled.
import type { Kind } from '../api/kinds/kind.ts'
import { Secret } from '../api/kinds/secret.ts'
import { ServiceAccount } from '../api/kinds/service-account.ts'
import { isNotFound } from '../api/meta/errors.ts'
import { type DeepReadonly, objectKey } from '../api/meta/object.ts'
import { type Controller, defineController, type Trigger } from './controller.ts'

const TYPE = 'kubernetes.io/service-account-token'
const ACCOUNT_NAME = 'kubernetes.io/service-account.name'
const ACCOUNT_UID = 'kubernetes.io/service-account.uid'

/** Signs claims as a JWT with the key that the API server trusts for ServiceAccounts. */
export type TokenSigner = (claims: Readonly<Record<string, unknown>>) => Promise<string>

/** @param ca PEM */
export function serviceAccountToken(ca: string, sign: TokenSigner): Controller<never> {
  const caData = Buffer.from(ca).toString('base64')
  return defineController<Secret>({
    name: 'serviceaccount-token',
    kind: Secret,
    triggers: [secretsOfAccount()],
    async sync(ctx, secret, _key, { client, cache }) {
      if (!secret || secret.type !== TYPE || secret.metadata.deletionTimestamp) return
      const { namespace, name } = secret.metadata
      const accountName = secret.metadata.annotations?.[ACCOUNT_NAME]
      if (!accountName) return
      const account = cache.get(ServiceAccount, accountName, namespace) ?? (await live(accountName))
      if (!account || isOfAnother(secret, account.metadata.uid)) {
        const preconditions = { uid: secret.metadata.uid }
        await client.delete(ctx, Secret, { name, namespace }, { preconditions }).catch((err) => {
          if (!isNotFound(err)) throw err
        })
        return
      }
      const data = { ...secret.data }
      data['ca.crt'] = caData
      data['namespace'] = Buffer.from(namespace).toString('base64')
      data['token'] ||= Buffer.from(await sign(claimsOf(account, name))).toString('base64')
      const annotations = { ...secret.metadata.annotations, [ACCOUNT_UID]: account.metadata.uid }
      const filled =
        Object.entries(data).every(([key, value]) => secret.data?.[key] === value) &&
        secret.metadata.annotations?.[ACCOUNT_UID] === account.metadata.uid
      if (!filled) await client.update(ctx, Secret, { ...secret, metadata: { ...secret.metadata, annotations }, data })

      /** Only the API itself may say that an account does not exist: the Secret is lost with it. */
      async function live(wanted: string) {
        try {
          return await client.get(ctx, ServiceAccount, wanted, namespace)
        } catch (err) {
          if (isNotFound(err)) return undefined
          throw err
        }
      }
    },
  })
}

function isOfAnother(secret: DeepReadonly<Secret>, accountUid: string): boolean {
  const uid = secret.metadata.annotations?.[ACCOUNT_UID]
  return uid !== undefined && uid !== accountUid
}

/** k8s: the claims of tokens that don't expire. */
export function claimsOf(account: DeepReadonly<ServiceAccount>, secretName: string): Record<string, unknown> {
  const { namespace, name, uid } = account.metadata
  return {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': secretName,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': uid,
    sub: `system:serviceaccount:${namespace}:${name}`,
  }
}

function secretsOfAccount(): Trigger<never> {
  const trigger: Trigger<ServiceAccount> = {
    kind: ServiceAccount,
    keys({ metadata: { namespace, name } }, _old, cache) {
      return cache
        .list(Secret as Kind<Secret>, { namespace })
        .filter((secret) => secret.type === TYPE && secret.metadata.annotations?.[ACCOUNT_NAME] === name)
        .map(objectKey)
    },
  }
  return trigger as unknown as Trigger<never>
}
