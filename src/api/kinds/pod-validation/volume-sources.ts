// The rules of the volume sources that pods and persistent volumes share: what each needs. k8s: also those of drivers that are long
// gone are checked, in the order in which the type lists them.
import { type FieldError, invalid, notSupported, required, tooLong } from '../../meta/errors.ts'
import { dnsLabel, dnsSubdomain } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type * as v1 from '../../types/core.v1.ts'
import { checkLabel, checkSubdomain, type Errors } from '../check.ts'
import { checkLocalPath, checkNoBacksteps } from './paths.ts'

type Read<T> = DeepReadonly<T>

export function needs(errors: Errors, path: string, source: object, ...keys: string[]): void {
  for (const key of keys) {
    const value = (source as Record<string, unknown>)[key]
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) {
      errors.push(required(`${path}.${key}`))
    }
  }
}

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]

export function checkHostPath(errors: Errors, path: string, source: Read<v1.HostPathVolumeSource>): void {
  if (!source.path) return void errors.push(required(`${path}.path`))
  checkNoBacksteps(errors, `${path}.path`, source.path)
  if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type)) {
    errors.push(notSupported(`${path}.type`, source.type, HOST_PATH_TYPES))
  }
}

export function checkNfs(errors: Errors, path: string, source: Read<v1.NFSVolumeSource>): void {
  needs(errors, path, source, 'server', 'path')
  if (!source.path?.startsWith('/')) {
    errors.push(invalid(`${path}.path`, source.path ?? '', 'must be an absolute path'))
  }
}

export function checkGitRepo(errors: Errors, path: string, source: Read<v1.GitRepoVolumeSource>): void {
  needs(errors, path, source, 'repository')
  checkLocalPath(errors, `${path}.directory`, source.directory ?? '')
}

/** Of disks with partitions. */
export function checkPartition(errors: Errors, path: string, partition: number | undefined): void {
  const number = partition ?? 0
  if (number < 0 || number > 255) {
    errors.push(invalid(`${path}.partition`, number, 'must be between 1 and 255, inclusive'))
  }
}

const ISCSI_NAMES: readonly (readonly [prefix: string, shape: RegExp])[] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([A-Za-z0-9-.]+)(:[^,;*&$|\s]+)$/],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
]

function checkIscsiName(errors: Errors, field: string, name: string, unknownPrefix: string): void {
  const [, shape] = ISCSI_NAMES.find(([prefix]) => name.startsWith(prefix)) ?? []
  if (!shape) errors.push(invalid(field, name, unknownPrefix))
  else if (!shape.test(name)) errors.push(invalid(field, name, 'must be valid format'))
}

const PORTAL_SENTENCE =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'

export function checkIscsi(
  errors: Errors,
  path: string,
  source: Read<v1.ISCSIVolumeSource | v1.ISCSIPersistentVolumeSource>,
  persistentName?: string,
): void {
  const persistent = persistentName !== undefined
  const portal = source.targetPortal ?? ''
  needs(errors, path, source, 'targetPortal')
  if (persistent && source.initiatorName !== undefined && `${persistentName}:${portal}`.length > 64) {
    errors.push(invalid(`${path}.targetportal`, portal, PORTAL_SENTENCE))
  }
  const sentence = persistent ? 'must be valid format' : 'must be valid format starting with iqn, eui, or naa'
  if (!source.iqn) errors.push(required(`${path}.iqn`))
  else checkIscsiName(errors, `${path}.iqn`, source.iqn, sentence)
  const lun = source.lun ?? 0
  if (lun < 0 || lun > 255) errors.push(invalid(`${path}.lun`, lun, 'must be between 0 and 255, inclusive'))
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) {
    errors.push(required(`${path}.secretRef`))
  }
  if (persistent && source.secretRef) needs(errors, `${path}.secretRef`, source.secretRef, 'name')
  if (source.initiatorName !== undefined) {
    checkIscsiName(errors, `${path}.initiatorname`, source.initiatorName, sentence)
  }
}

/** Of a volume in a pod: the name goes into a file's. */
export function checkIscsiVolumeName(errors: Errors, at: string, volume: Read<v1.Volume>): void {
  const { initiatorName, targetPortal = '' } = volume.iscsi ?? {}
  if (initiatorName !== undefined && `${volume.name}:${targetPortal}`.length > 64) {
    errors.push(invalid(`${at}.name`, volume.name, PORTAL_SENTENCE))
  }
}

export function checkFibreChannel(errors: Errors, path: string, source: Read<v1.FCVolumeSource>): void {
  const { targetWWNs = [], wwids = [], lun } = source
  if (targetWWNs.length === 0 && wwids.length === 0) {
    errors.push(required(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'))
  }
  if (targetWWNs.length > 0 && wwids.length > 0) {
    const why = 'targetWWNs and wwids can not be specified simultaneously'
    errors.push(invalid(`${path}.targetWWNs`, targetWWNs, why))
  }
  if (targetWWNs.length === 0) return
  if (lun === undefined) errors.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'))
  else if (lun < 0 || lun > 255) errors.push(invalid(`${path}.lun`, lun, 'must be between 0 and 255, inclusive'))
}

export function checkQuobyte(errors: Errors, path: string, source: Read<v1.QuobyteVolumeSource>): void {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas'
  if (!source.registry) errors.push(required(`${path}.registry`, pairs))
  else if ((source.tenant?.length ?? 0) >= 65) {
    errors.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'))
  } else {
    for (const pair of source.registry.split(',')) {
      if (!/^(\[[^\]]*\]|[^:[\]]*):[^:[\]]*$/.test(pair))
        errors.push(invalid(`${path}.registry`, source.registry, pairs))
    }
  }
  needs(errors, path, source, 'volume')
}

export function checkGlusterfs(
  errors: Errors,
  path: string,
  source: Read<v1.GlusterfsVolumeSource & { endpointsNamespace?: string }>,
): void {
  needs(errors, path, source, 'endpoints', 'path')
  const { endpointsNamespace } = source
  if (endpointsNamespace === '') {
    const why = 'if the endpointnamespace is set, it must be a valid namespace name'
    errors.push(invalid(`${path}.endpointsNamespace`, '', why))
  } else if (endpointsNamespace !== undefined) {
    for (const problem of dnsLabel(endpointsNamespace)) {
      errors.push(invalid(`${path}.endpointsNamespace`, endpointsNamespace, problem))
    }
  }
}

export function checkFlocker(errors: Errors, path: string, source: Read<v1.FlockerVolumeSource>): void {
  const { datasetName = '', datasetUUID = '' } = source
  if (!datasetName && !datasetUUID) errors.push(required(path, 'one of datasetName and datasetUUID is required'))
  if (datasetName && datasetUUID) {
    errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'))
  }
  if (datasetName.includes('/')) errors.push(invalid(`${path}.datasetName`, datasetName, "must not contain '/'"))
}

export function checkFlexVolume(
  errors: Errors,
  path: string,
  source: Read<v1.FlexVolumeSource | v1.FlexPersistentVolumeSource>,
): void {
  needs(errors, path, source, 'driver')
  for (const key of Object.keys(source.options ?? {})) {
    const domain = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      errors.push(invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'))
    }
  }
}

const MANAGED_DISK = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}'
const BLOB_DISK = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'

export function checkAzureDisk(errors: Errors, path: string, source: Read<v1.AzureDiskVolumeSource>): void {
  const { cachingMode, kind, diskURI = '' } = source
  needs(errors, path, source, 'diskName', 'diskURI')
  const modes = ['None', 'ReadOnly', 'ReadWrite']
  if (cachingMode !== undefined && !modes.includes(cachingMode)) {
    errors.push(notSupported(`${path}.cachingMode`, cachingMode, modes))
  }
  const kinds = ['Dedicated', 'Managed', 'Shared']
  if (kind === undefined) return
  if (!kinds.includes(kind)) errors.push(notSupported(`${path}.kind`, kind, kinds))
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/')) {
    errors.push(notSupported(`${path}.diskURI`, diskURI, [MANAGED_DISK]))
  }
  if (kind !== 'Managed' && !diskURI.startsWith('https://')) {
    errors.push(notSupported(`${path}.diskURI`, diskURI, [BLOB_DISK]))
  }
}

export function checkStorageOs(
  errors: Errors,
  path: string,
  source: Read<v1.StorageOSVolumeSource | v1.StorageOSPersistentVolumeSource>,
  persistent: boolean,
): void {
  checkLabel(errors, `${path}.volumeName`, source.volumeName)
  checkLabel(errors, `${path}.volumeNamespace`, source.volumeNamespace, true)
  checkSecretRef(errors, `${path}.secretRef`, source.secretRef, persistent)
}

/** @param namespaced of persistent volumes, which stand in no namespace themselves */
export function checkSecretRef(
  errors: Errors,
  path: string,
  ref: Read<{ name?: string; namespace?: string }> | undefined,
  namespaced: boolean,
): void {
  if (!ref) return
  needs(errors, path, ref, 'name')
  if (namespaced) needs(errors, path, ref, 'namespace')
}

export function checkDriverName(errors: FieldError[], field: string, name: string | undefined): void {
  const text = name ?? ''
  if (!text) errors.push(required(field))
  if (text.length > 63) errors.push(tooLong(field, 63))
  for (const problem of dnsSubdomain(text.toLowerCase())) errors.push(invalid(field, text, problem))
}

const CSI_SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const

export function checkPersistentCsi(errors: Errors, path: string, source: Read<v1.CSIPersistentVolumeSource>): void {
  checkDriverName(errors, `${path}.driver`, source.driver)
  needs(errors, path, source, 'volumeHandle')
  for (const key of CSI_SECRETS) {
    const ref = source[key]
    if (!ref) continue
    checkSubdomain(errors, `${path}.${key}.name`, ref.name)
    checkLabel(errors, `${path}.${key}.namespace`, ref.namespace)
  }
}
