// Every pod runs as a service account: `default` unless it names one. Its token, the cluster's CA and the namespace are mounted into
// each container by a projected volume, and its pull secrets are used where the pod has none.
import { Pod } from '../../api/kinds/pod.ts'
import { ServiceAccount } from '../../api/kinds/service-account.ts'
import { randomSuffix } from '../../api/meta/generate-name.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Clock } from '../../base/clock.ts'
import { keyOf } from '../storage/keys.ts'
import { type AdmissionPlugin, type AdmissionRequest, refused } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'
import {
  forbiddenEphemeralReference,
  forbiddenReference,
  limitsSecrets,
  mirrorPodProblem,
} from './secret-references.ts'

export const TOKEN_MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
/** k8s: just above an hour, so that clients can tell it from tokens asked for an hour. */
const TOKEN_LASTS_SECONDS = 3607
const DEFAULT_MODE = 0o644
/** How long a pod waits for the `default` account of a namespace that was just made. */
const WAIT_MS = 1000

export function serviceAccount(lookup: Lookup, clock: Clock, random: () => number): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    concerns: (kind) => isKind(kind, Pod),
    async mutate(request) {
      const { kind, operation, subresource, object } = request
      if (!isKind(kind, Pod) || operation !== 'CREATE' || subresource !== '') return
      const pod = object as unknown as Pod
      if (isMirror(pod)) return refuseSecrets(request, pod)
      pod.spec.serviceAccountName ||= pod.spec.serviceAccount || 'default'
      pod.spec.serviceAccount = pod.spec.serviceAccountName
      const account = await find(lookup, clock, request, pod.spec.serviceAccountName)
      if (wantsToken(pod, account)) mountToken(pod, random)
      if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
        pod.spec.imagePullSecrets = account.imagePullSecrets.map((ref) => ({ ...ref }))
      }
    },
    async validate(request) {
      const { kind, operation, subresource, object, namespace } = request
      if (!isKind(kind, Pod)) return
      const added = operation === 'UPDATE' && subresource === 'ephemeralcontainers'
      if (!added && (operation !== 'CREATE' || subresource !== '')) return
      const pod = object as unknown as DeepReadonly<Pod>
      if (isMirror(pod)) return added ? undefined : refuseSecrets(request, pod)
      const account = await lookup.get(ServiceAccount, pod.spec.serviceAccountName ?? '', namespace)
      if (!account || !limitsSecrets(account)) return
      const why = added ? forbiddenEphemeralReference(pod, account) : forbiddenReference(pod, account)
      if (why) throw refused(request, why)
    },
  }
}

function refuseSecrets(request: AdmissionRequest, pod: DeepReadonly<Pod>): void {
  const why = mirrorPodProblem(pod)
  if (why) throw refused(request, why)
}

const isMirror = ({ metadata }: DeepReadonly<Pod>) =>
  metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined

async function find(
  lookup: Lookup,
  clock: Clock,
  request: AdmissionRequest,
  wanted: string,
): Promise<DeepReadonly<ServiceAccount>> {
  const { namespace, signal } = request
  const found =
    (await lookup.get(ServiceAccount, wanted, namespace)) ??
    (wanted === 'default' ? await appearing(lookup, clock, namespace, signal) : undefined)
  if (found) return found
  const why = `error looking up service account ${namespace}/${wanted}: serviceaccount ${JSON.stringify(wanted)} not found`
  throw refused(request, why)
}

/** A new namespace's account is made by a controller a moment after the namespace. */
async function appearing(
  { store }: Lookup,
  clock: Clock,
  namespace: string,
  signal: AbortSignal,
): Promise<DeepReadonly<ServiceAccount> | undefined> {
  const key = keyOf(ServiceAccount as never, namespace, 'default')
  return new Promise((resolve) => {
    const finish = (found: DeepReadonly<ServiceAccount> | undefined) => {
      following.close()
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
      resolve(found)
    }
    const onAbort = () => finish(undefined)
    const following = store.follow(key, store.revision, ({ type, entry }) => {
      if (type === 'put' && entry.key === key) finish(entry.object as unknown as DeepReadonly<ServiceAccount>)
    })
    const timer = clock.after(WAIT_MS, () => finish(undefined))
    signal.addEventListener('abort', onAbort, { once: true })
    // It may have come after it was looked for and before it was followed.
    void store.get(key).then((entry) => {
      if (entry) finish(entry.object as unknown as DeepReadonly<ServiceAccount>)
    })
  })
}

const wantsToken = (pod: Pod, account: DeepReadonly<ServiceAccount>) =>
  pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true

function mountToken(pod: Pod, random: () => number): void {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  const without = containers.filter((c) => !c.volumeMounts?.some((mount) => mount.mountPath === TOKEN_MOUNT_PATH))
  if (without.length === 0) return
  const existing = pod.spec.volumes?.find(({ name }) => name.startsWith('kube-api-access-'))
  const name = existing?.name ?? `kube-api-access-${randomSuffix(5, random)}`
  if (!existing) pod.spec.volumes = [...(pod.spec.volumes ?? []), tokenVolume(name)]
  for (const container of without) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: TOKEN_MOUNT_PATH }]
  }
}

const tokenVolume = (name: string): NonNullable<Pod['spec']['volumes']>[number] => ({
  name,
  projected: {
    defaultMode: DEFAULT_MODE,
    sources: [
      { serviceAccountToken: { expirationSeconds: TOKEN_LASTS_SECONDS, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
})
