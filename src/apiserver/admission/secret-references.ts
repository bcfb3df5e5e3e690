// Which Secrets a pod names, and whether its service account lets it: for accounts that are annotated so. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { ServiceAccount } from '../../api/kinds/service-account.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'

type AnyPod = DeepReadonly<Pod>
type Account = DeepReadonly<ServiceAccount>

export const ENFORCED = 'kubernetes.io/enforce-mountable-secrets'

/** k8s: as Go reads a boolean. */
export const limitsSecrets = ({ metadata }: Account) =>
  ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(metadata.annotations?.[ENFORCED] ?? '')

/** The first reference that the account does not allow. */
export function forbiddenReference(pod: AnyPod, account: Account): string | undefined {
  const { spec } = pod
  const mountable = new Set((account.secrets ?? []).map(({ name }) => name))
  const why = (what: string) =>
    `${what} is not allowed because service account ${account.metadata.name} does not reference that secret`
  for (const { secret } of spec.volumes ?? []) {
    if (secret && !mountable.has(secret.secretName ?? '')) {
      return why(`volume with secret.secretName=${quoted(secret.secretName)}`)
    }
  }
  const lists = [
    ['init container', spec.initContainers],
    ['container', spec.containers],
  ] as const
  for (const [what, containers] of lists) {
    for (const container of containers ?? []) {
      const found = containerReference(container, mountable)
      if (found) return why(`${what} ${container.name} with ${found}`)
    }
  }
  const pullable = new Set((account.imagePullSecrets ?? []).map(({ name }) => name))
  const pulls = spec.imagePullSecrets ?? []
  const index = pulls.findIndex(({ name }) => !pullable.has(name))
  if (index < 0) return undefined
  return `imagePullSecrets[${index}].name=${quoted(pulls[index]?.name)} is not allowed because service account ${account.metadata.name} does not reference that imagePullSecret`
}

/** For containers that are added to a running pod. */
export function forbiddenEphemeralReference({ spec }: AnyPod, account: Account): string | undefined {
  const mountable = new Set((account.secrets ?? []).map(({ name }) => name))
  for (const container of spec.ephemeralContainers ?? []) {
    const found = containerReference(container, mountable)
    if (found) {
      return `ephemeral container ${container.name} with ${found} is not allowed because service account ${account.metadata.name} does not reference that secret`
    }
  }
  return undefined
}

type AnyContainer = Pick<AnyPod['spec']['containers'][number], 'name' | 'env' | 'envFrom'>

function containerReference({ env, envFrom }: AnyContainer, mountable: ReadonlySet<string | undefined>) {
  for (const { name, valueFrom } of env ?? []) {
    const secret = valueFrom?.secretKeyRef
    if (secret && !mountable.has(secret.name)) {
      return `envVar ${name} referencing secret.secretName=${quoted(secret.name)}`
    }
  }
  for (const { secretRef } of envFrom ?? []) {
    if (secretRef && !mountable.has(secretRef.name)) {
      return `envFrom referencing secret.secretName=${quoted(secretRef.name)}`
    }
  }
  return undefined
}

const quoted = (name: string | undefined) => `"${name ?? ''}"`

/** k8s: mirror pods come from files on nodes and must not lead to more than the node may read. */
export function mirrorPodProblem({ spec }: AnyPod): string | undefined {
  if (spec.serviceAccountName) return 'a mirror pod may not reference service accounts'
  if (namesSecrets(spec)) return 'a mirror pod may not reference secrets'
  const tokens = spec.volumes?.some(({ projected }) => projected?.sources?.some((source) => source.serviceAccountToken))
  return tokens ? 'a mirror pod may not use ServiceAccountToken volume projections' : undefined
}

const SECRET_REFS = [
  'azureFile',
  'cephfs',
  'cinder',
  'flexVolume',
  'iscsi',
  'rbd',
  'scaleIO',
  'storageos',
  'csi',
] as const

function namesSecrets(spec: AnyPod['spec']): boolean {
  if (spec.imagePullSecrets?.length) return true
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
  const inContainers = containers.some(
    ({ env, envFrom }) =>
      env?.some(({ valueFrom }) => valueFrom?.secretKeyRef) || envFrom?.some(({ secretRef }) => secretRef),
  )
  const inVolumes = spec.volumes?.some((volume) => {
    if (volume.secret || volume.azureFile || volume.projected?.sources?.some(({ secret }) => secret)) return true
    return SECRET_REFS.some((key) => {
      const source = volume[key] as { secretRef?: object; nodePublishSecretRef?: object } | undefined
      return source?.secretRef !== undefined || source?.nodePublishSecretRef !== undefined
    })
  })
  return inContainers || inVolumes === true
}
