// Which objects of its namespace a pod needs on its node. Pure; remembered per pod object, because pods in the store never change.
import type { Pod } from '../kinds/pod.ts'
import type { DeepReadonly } from './object.ts'

export interface PodReferences {
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
  readonly claims: ReadonlySet<string>
  readonly resourceClaims: ReadonlySet<string>
  readonly serviceAccount: string | undefined
}

const known = new WeakMap<object, PodReferences>()

export function podReferences(pod: DeepReadonly<Pod>): PodReferences {
  let references = known.get(pod)
  if (!references) {
    references = read(pod)
    known.set(pod, references)
  }
  return references
}

function read({ metadata, spec, status }: DeepReadonly<Pod>): PodReferences {
  const secrets = new Set<string>()
  const configMaps = new Set<string>()
  const claims = new Set<string>()
  const add = (to: Set<string>, name: string | undefined) => {
    if (name) to.add(name)
  }
  for (const secret of spec?.imagePullSecrets ?? []) add(secrets, secret.name)
  for (const volume of spec?.volumes ?? []) {
    add(secrets, volume.secret?.secretName)
    add(configMaps, volume.configMap?.name)
    add(claims, volume.persistentVolumeClaim?.claimName)
    if (volume.ephemeral) add(claims, `${metadata.name}-${volume.name}`)
    for (const { secret, configMap } of volume.projected?.sources ?? []) {
      add(secrets, secret?.name)
      add(configMaps, configMap?.name)
    }
    const inline = [volume.csi?.nodePublishSecretRef, volume.cephfs?.secretRef, volume.flexVolume?.secretRef]
    for (const reference of [
      ...inline,
      volume.rbd?.secretRef,
      volume.scaleIO?.secretRef,
      volume.iscsi?.secretRef,
      volume.storageos?.secretRef,
    ]) {
      add(secrets, reference?.name)
    }
    add(secrets, volume.azureFile?.secretName)
  }
  for (const container of [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]) {
    for (const { secretRef, configMapRef } of container.envFrom ?? []) {
      add(secrets, secretRef?.name)
      add(configMaps, configMapRef?.name)
    }
    for (const { valueFrom } of container.env ?? []) {
      add(secrets, valueFrom?.secretKeyRef?.name)
      add(configMaps, valueFrom?.configMapKeyRef?.name)
    }
  }
  const resourceClaims = new Set<string>()
  for (const claim of spec?.resourceClaims ?? []) add(resourceClaims, claim.resourceClaimName)
  for (const claim of status?.resourceClaimStatuses ?? []) add(resourceClaims, claim.resourceClaimName)
  return { secrets, configMaps, claims, resourceClaims, serviceAccount: spec?.serviceAccountName }
}
