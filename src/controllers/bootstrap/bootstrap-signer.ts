// Keeps the ConfigMap `cluster-info` in kube-public: where the cluster is and whom to trust, readable by anybody, signed with every
// bootstrap token, so that whoever has one knows it for true. k8s: detached JWS with HS256, under `jws-kubeconfig-<token id>`.
import { createHmac } from 'node:crypto'
import { ConfigMap } from '../../api/kinds/config-map.ts'
import { Secret } from '../../api/kinds/secret.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { type Controller, defineController, type Trigger } from '../controller.ts'
import { ensureCreated } from '../ensure.ts'
import { type BootstrapToken, bootstrapToken, TOKEN_NAMESPACE } from './bootstrap-token.ts'

const NAMESPACE = 'kube-public'
const NAME = 'cluster-info'
const SIGNATURE = 'jws-kubeconfig-'

/** `<header>..<signature>`: what is signed stands beside it. */
export function detachedSignature(content: string, { id, secret }: Pick<BootstrapToken, 'id' | 'secret'>): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url')
  const signed = `${header}.${Buffer.from(content).toString('base64url')}`
  return `${header}..${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** The data with a signature for each token that signs, and no others. */
export function signedData(
  data: Readonly<Record<string, string>>,
  tokens: readonly BootstrapToken[],
  nowMs: number,
): Record<string, string> {
  const kept = Object.entries(data).filter(([key]) => !key.startsWith(SIGNATURE))
  const signing = tokens.filter(({ signs, expiresMs }) => signs && (expiresMs === undefined || expiresMs > nowMs))
  const content = data['kubeconfig'] ?? ''
  const signatures = signing.map((token) => [`${SIGNATURE}${token.id}`, detachedSignature(content, token)] as const)
  return Object.fromEntries([...kept, ...signatures])
}

/** @param kubeconfig of the cluster alone, without a user, made when cluster-info is missing */
export function bootstrapSigner(kubeconfig: string): Controller<never> {
  return defineController<ConfigMap>({
    name: 'bootstrap-signer',
    kind: ConfigMap,
    triggers: [ofToken()],
    only: ({ metadata }) => metadata.name === NAME && metadata.namespace === NAMESPACE,
    async sync(ctx, info, _key, { client, cache, clock }) {
      const secrets = cache.list(Secret, { namespace: TOKEN_NAMESPACE })
      const tokens = secrets.flatMap((secret) => bootstrapToken(secret) ?? [])
      const data = signedData(info?.data ?? { kubeconfig }, tokens, clock.now())
      // k8s: the signer only signs; here it also brings what kubeadm would have put there, once somebody may join.
      if (!info) {
        if (Object.keys(data).length === 1) return
        await ensureCreated(ctx, client, ConfigMap, { metadata: { name: NAME, namespace: NAMESPACE }, data })
      } else if (!semanticEqual(info.data ?? {}, data)) await client.update(ctx, ConfigMap, { ...info, data })
      const ends = tokens.flatMap(({ signs, expiresMs }) => (signs && expiresMs ? [expiresMs - clock.now()] : []))
      const next = Math.min(...ends.filter((ms) => ms > 0))
      return Number.isFinite(next) ? { againInMs: next } : undefined
    },
  })
}

function ofToken(): Trigger<never> {
  const keys = (secret: DeepReadonly<Secret>) => (bootstrapToken(secret) ? [`${NAMESPACE}/${NAME}`] : [])
  return { kind: Secret, keys } as unknown as Trigger<never>
}
