// What is said of claims and volumes that are let in: sizes that are no whole number of bytes, and the annotation that names a class.
import type { DeepReadonly } from '../meta/object.ts'
import { isQuantity, parseQuantity } from '../meta/quantity.ts'
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from '../types/core.v1.ts'
import { nodeTermWarnings } from './node-labels.ts'

export const BETA_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const CLASS_ANNOTATION_WARNING = `metadata.annotations[${BETA_CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead`

const UNIT = 1_000_000_000n

/** Undefined when the amount is a whole number of bytes. */
export function fractionWarning(field: string, amount: string | undefined): string | undefined {
  if (amount === undefined || !isQuantity(amount) || parseQuantity(amount).nano % UNIT === 0n) return undefined
  return `${field}: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`
}

export function claimSpecWarnings(spec: DeepReadonly<PersistentVolumeClaimSpec> | undefined, field: string): string[] {
  const resources = spec?.resources
  return [
    fractionWarning(`${field}.resources.requests[storage]`, resources?.requests?.['storage']),
    fractionWarning(`${field}.resources.limits[storage]`, resources?.limits?.['storage']),
  ].filter((warning) => warning !== undefined)
}

export function claimWarnings({ metadata, spec }: DeepReadonly<PersistentVolumeClaim>): string[] {
  const byAnnotation = metadata.annotations?.[BETA_CLASS_ANNOTATION] !== undefined
  return [...(byAnnotation ? [CLASS_ANNOTATION_WARNING] : []), ...claimSpecWarnings(spec, 'spec')]
}

export function volumeWarnings({ metadata, spec }: DeepReadonly<PersistentVolume>): string[] {
  const warnings = metadata.annotations?.[BETA_CLASS_ANNOTATION] === undefined ? [] : [CLASS_ANNOTATION_WARNING]
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    )
  }
  spec.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => {
    warnings.push(...nodeTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, false))
  })
  for (const [key, shown, sentence] of OLD_VOLUMES) if (spec[key]) warnings.push(`spec.${shown}: ${sentence}`)
  return warnings
}

/** k8s: in this order; by the field's name, and how the sentence calls it. */
const OLD_VOLUMES: readonly (readonly [key: keyof PersistentVolumeSpec, shown: string, sentence: string])[] = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
]
