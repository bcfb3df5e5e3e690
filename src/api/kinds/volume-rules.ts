// The rules of PersistentVolumes: one source, with what it needs, which stays as it is.
import { posix } from 'node:path'
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { isQuantity, parseQuantity } from '../meta/quantity.ts'
import type { PersistentVolume, VolumeNodeAffinity } from '../types/core.v1.ts'
import { checkSubdomain, type Errors } from './check.ts'
import { checkAccessModes, VOLUME_MODES } from './claim-rules.ts'
import { internalShape } from './internal-shape.ts'
import { differences } from './pod-validation/differences.ts'
import { checkNoBacksteps } from './pod-validation/paths.ts'
import { checkNodeSelector } from './pod-validation/scheduling.ts'
import * as sources from './pod-validation/volume-sources.ts'

type Volume = DeepReadonly<PersistentVolume>
type Spec = Volume['spec']
type Check = (errors: Errors, path: string, spec: Spec, name: string) => void

const { needs } = sources

/** k8s: in this order; the first that is given counts. */
const SOURCES: Readonly<Partial<Record<keyof Spec, Check>>> = {
  hostPath: (errors, path, v) => sources.checkHostPath(errors, path, v.hostPath!),
  // k8s: this one is called otherwise in errors.
  gcePersistentDisk: (errors, _path, v) => {
    needs(errors, 'spec.persistentDisk', v.gcePersistentDisk!, 'pdName')
    sources.checkPartition(errors, 'spec.persistentDisk', v.gcePersistentDisk!.partition)
  },
  awsElasticBlockStore: (errors, path, v) => {
    needs(errors, path, v.awsElasticBlockStore!, 'volumeID')
    sources.checkPartition(errors, path, v.awsElasticBlockStore!.partition)
  },
  glusterfs: (errors, path, v) => sources.checkGlusterfs(errors, path, v.glusterfs!),
  flocker: (errors, path, v) => sources.checkFlocker(errors, path, v.flocker!),
  nfs: (errors, path, v) => sources.checkNfs(errors, path, v.nfs!),
  rbd: (errors, path, v) => needs(errors, path, v.rbd!, 'monitors', 'image'),
  quobyte: (errors, path, v) => sources.checkQuobyte(errors, path, v.quobyte!),
  cephfs: (errors, path, v) => needs(errors, path, v.cephfs!, 'monitors'),
  iscsi: (errors, path, v, name) => sources.checkIscsi(errors, path, v.iscsi!, name),
  cinder: (errors, path, v) => {
    needs(errors, path, v.cinder!, 'volumeID')
    sources.checkSecretRef(errors, `${path}.secretRef`, v.cinder!.secretRef, true)
  },
  fc: (errors, path, v) => sources.checkFibreChannel(errors, path, v.fc!),
  flexVolume: (errors, path, v) => sources.checkFlexVolume(errors, path, v.flexVolume!),
  azureFile: (errors, path, v) => {
    needs(errors, path, v.azureFile!, 'secretName', 'shareName')
    if (v.azureFile!.secretNamespace === '') errors.push(required(`${path}.secretNamespace`))
  },
  vsphereVolume: (errors, path, v) => needs(errors, path, v.vsphereVolume!, 'volumePath'),
  photonPersistentDisk: (errors, path, v) => needs(errors, path, v.photonPersistentDisk!, 'pdID'),
  portworxVolume: (errors, path, v) => needs(errors, path, v.portworxVolume!, 'volumeID'),
  azureDisk: (errors, path, v) => sources.checkAzureDisk(errors, path, v.azureDisk!),
  scaleIO: (errors, path, v) => needs(errors, path, v.scaleIO!, 'gateway', 'system', 'volumeName'),
  local: (errors, path, v) => {
    needs(errors, path, v.local!, 'path')
    if (v.local!.path) checkNoBacksteps(errors, `${path}.path`, v.local!.path)
    if (!v.nodeAffinity) errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'))
  },
  storageos: (errors, path, v) => sources.checkStorageOs(errors, path, v.storageos!, true),
  csi: (errors, path, v) => sources.checkPersistentCsi(errors, path, v.csi!),
}
const ORDER = Object.keys(SOURCES) as (keyof Spec)[]
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain']

export function validateVolume({ metadata, spec }: Volume): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.accessModes?.length) errors.push(required('spec.accessModes'))
  checkAccessModes(errors, 'spec.accessModes', spec.accessModes)
  checkCapacity(errors, spec.capacity)
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && !RECLAIM_POLICIES.includes(policy)) {
    errors.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, RECLAIM_POLICIES))
  }
  checkVolumeAffinity(errors, spec.nodeAffinity)
  const [source, ...more] = ORDER.filter((key) => spec[key] !== undefined)
  if (source) SOURCES[source]?.(errors, `spec.${source}`, spec, metadata.name ?? '')
  for (const key of more) errors.push(forbiddenField(`spec.${key}`, 'may not specify more than 1 volume type'))
  if (!source) errors.push(required('spec', 'must specify a volume type'))
  if (policy === 'Recycle' && spec.hostPath && posix.resolve('/', spec.hostPath.path ?? '') === '/') {
    const why = "may not be 'recycle' for a hostPath mount of '/'"
    errors.push(forbiddenField('spec.persistentVolumeReclaimPolicy', why))
  }
  checkSubdomain(errors, 'spec.storageClassName', spec.storageClassName, true)
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode)) {
    errors.push(notSupported('spec.volumeMode', spec.volumeMode, VOLUME_MODES))
  }
  checkAttributesClass(errors, spec)
  return errors
}

function checkCapacity(errors: Errors, capacity: Spec['capacity']): void {
  const names = Object.keys(capacity ?? {})
  if (names.length === 0) errors.push(required('spec.capacity'))
  if (capacity?.['storage'] === undefined || names.length > 1) {
    errors.push(notSupported('spec.capacity', capacity ?? null, ['storage']))
  }
  for (const [name, amount] of Object.entries(capacity ?? {})) {
    if (isQuantity(amount) && parseQuantity(amount).nano <= 0n) {
      errors.push(invalid(`spec.capacity[${name}]`, amount, 'must be greater than zero'))
    }
  }
}

function checkVolumeAffinity(errors: Errors, affinity: Spec['nodeAffinity']): void {
  if (!affinity) return
  if (affinity.required) checkNodeSelector(errors, 'spec.nodeAffinity.required', affinity.required)
  else errors.push(required('spec.nodeAffinity.required', 'must specify required node constraints'))
}

function checkAttributesClass(errors: Errors, { volumeAttributesClassName: name, csi }: Spec): void {
  const field = 'spec.volumeAttributesClassName'
  if (name === undefined) return
  if (name === '') errors.push(required(field, 'an empty string is disallowed'))
  else checkSubdomain(errors, field, name)
  if (!csi) errors.push(required('spec.csi', 'has to be specified when using volumeAttributesClassName'))
}

export function validateVolumeUpdate(volume: Volume, old: Volume): FieldError[] {
  const errors: FieldError[] = []
  const [now, before] = [sourcesOf(volume.spec), sourcesOf(old.spec)]
  if (old.spec.csi && !old.spec.csi.controllerExpandSecretRef && now.csi?.controllerExpandSecretRef) {
    delete now.csi.controllerExpandSecretRef
  }
  if (!semanticEqual(now, before)) {
    const why = 'spec.persistentvolumesource is immutable after creation'
    const text = [why, ...differences(before, now, 'spec')].join('\n')
    errors.push(forbiddenField('spec.persistentvolumesource', text))
  }
  if (volume.spec.volumeMode !== old.spec.volumeMode) {
    errors.push(invalid('volumeMode', volume.spec.volumeMode, 'field is immutable'))
  }
  if (old.spec.nodeAffinity) {
    const [affinity, was] = [stableLabels(volume.spec.nodeAffinity), stableLabels(old.spec.nodeAffinity)]
    if (!semanticEqual(affinity, was)) {
      const shown = affinity ? internalShape(affinity, { required: null }) : null
      const why = 'field is immutable, except for updating from beta label to GA'
      errors.push(invalid('nodeAffinity', shown, why))
    }
  }
  if (old.spec.volumeAttributesClassName !== undefined && volume.spec.volumeAttributesClassName === undefined) {
    const why = 'update from non-nil value to nil is forbidden'
    errors.push(forbiddenField('spec.volumeAttributesClassName', why))
  }
  return errors
}

function sourcesOf(spec: Spec): Partial<PersistentVolume['spec']> {
  const given = ORDER.filter((key) => spec[key] !== undefined)
  return structuredClone(Object.fromEntries(given.map((key) => [key, spec[key]])))
}

/** What labels of nodes are called today, by what they were called. */
const STABLE: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
}

function stableLabels(affinity: DeepReadonly<VolumeNodeAffinity> | undefined): VolumeNodeAffinity | undefined {
  if (!affinity) return undefined
  const copy = structuredClone(affinity) as VolumeNodeAffinity
  for (const term of copy.required?.nodeSelectorTerms ?? []) {
    for (const expression of term.matchExpressions ?? []) {
      expression.key = STABLE[expression.key] ?? expression.key
    }
  }
  return copy
}
