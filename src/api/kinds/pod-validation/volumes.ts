// The rules of a pod's volumes: a name and one source each.
import { duplicate, forbiddenField, invalid, required } from '../../meta/errors.ts'
import { dnsSubdomain } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { parseQuantity } from '../../meta/quantity.ts'
import type { Volume } from '../../types/core.v1.ts'
import { checkLabel, type Errors } from '../check.ts'
import { checkClaimTemplate } from '../claim-rules.ts'
import { checkDownwardApi, checkFiles, checkProjected } from './projections.ts'
import { checkPullPolicy } from './pull-policy.ts'
import * as sources from './volume-sources.ts'

const { needs } = sources
type AnyVolume = DeepReadonly<Volume>

/** The volumes of a pod that have nothing wrong, by name: what containers may mount. */
export type Volumes = ReadonlyMap<string, AnyVolume>

/** @param podName where the spec is a pod's and not a template's */
export function checkVolumes(
  errors: Errors,
  path: string,
  volumes: readonly AnyVolume[] | undefined,
  podName: string | undefined,
): Volumes {
  const good = new Map<string, AnyVolume>()
  const made = new Set((podName ? (volumes ?? []) : []).filter((v) => v.ephemeral).map((v) => `${podName}-${v.name}`))
  volumes?.forEach((volume, i) => {
    const at = `${path}[${i}]`
    const before = errors.length
    checkSource(errors, at, volume, podName)
    checkLabel(errors, `${at}.name`, volume.name)
    if (good.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name))
    if (errors.length === before) good.set(volume.name, volume)
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim !== undefined && made.has(claim)) {
      const why = 'must not reference a PVC that gets created for an ephemeral volume'
      errors.push(invalid(`${at}.persistentVolumeClaim.claimName`, claim, why))
    }
  })
  return good
}

type Check = (errors: Errors, path: string, volume: AnyVolume, at: string, podName: string | undefined) => void

/** What each source needs. k8s: in this order; the first that is given counts. */
const CHECKS: Readonly<Partial<Record<keyof Volume, Check>>> = {
  emptyDir: (errors, path, { emptyDir }) => {
    if (emptyDir?.sizeLimit && parseQuantity(emptyDir.sizeLimit).nano < 0n) {
      errors.push(forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
    }
  },
  hostPath: (errors, path, v) => sources.checkHostPath(errors, path, v.hostPath!),
  gitRepo: (errors, path, v) => sources.checkGitRepo(errors, path, v.gitRepo!),
  // k8s: this one is called otherwise in errors.
  gcePersistentDisk: (errors, _path, v, at) => {
    needs(errors, `${at}.persistentDisk`, v.gcePersistentDisk!, 'pdName')
    sources.checkPartition(errors, `${at}.persistentDisk`, v.gcePersistentDisk!.partition)
  },
  awsElasticBlockStore: (errors, path, v) => {
    needs(errors, path, v.awsElasticBlockStore!, 'volumeID')
    sources.checkPartition(errors, path, v.awsElasticBlockStore!.partition)
  },
  secret: (errors, path, v) => checkFiles(errors, path, 'secretName', v.secret!.secretName, v.secret!),
  nfs: (errors, path, v) => sources.checkNfs(errors, path, v.nfs!),
  iscsi: (errors, path, v) => sources.checkIscsi(errors, path, v.iscsi!),
  glusterfs: (errors, path, v) => needs(errors, path, v.glusterfs!, 'endpoints', 'path'),
  flocker: (errors, path, v) => sources.checkFlocker(errors, path, v.flocker!),
  persistentVolumeClaim: (errors, path, v) => needs(errors, path, v.persistentVolumeClaim!, 'claimName'),
  rbd: (errors, path, v) => needs(errors, path, v.rbd!, 'monitors', 'image'),
  cinder: (errors, path, v) => {
    needs(errors, path, v.cinder!, 'volumeID')
    sources.checkSecretRef(errors, `${path}.secretRef`, v.cinder!.secretRef, false)
  },
  cephfs: (errors, path, v) => needs(errors, path, v.cephfs!, 'monitors'),
  quobyte: (errors, path, v) => sources.checkQuobyte(errors, path, v.quobyte!),
  downwardAPI: (errors, path, v) => checkDownwardApi(errors, path, v.downwardAPI!),
  fc: (errors, path, v) => sources.checkFibreChannel(errors, path, v.fc!),
  flexVolume: (errors, path, v) => sources.checkFlexVolume(errors, path, v.flexVolume!),
  configMap: (errors, path, v) => checkFiles(errors, path, 'name', v.configMap!.name, v.configMap!),
  azureFile: (errors, path, v) => needs(errors, path, v.azureFile!, 'secretName', 'shareName'),
  vsphereVolume: (errors, path, v) => needs(errors, path, v.vsphereVolume!, 'volumePath'),
  photonPersistentDisk: (errors, path, v) => needs(errors, path, v.photonPersistentDisk!, 'pdID'),
  portworxVolume: (errors, path, v) => needs(errors, path, v.portworxVolume!, 'volumeID'),
  azureDisk: (errors, path, v) => sources.checkAzureDisk(errors, path, v.azureDisk!),
  storageos: (errors, path, v) => sources.checkStorageOs(errors, path, v.storageos!, false),
  projected: (errors, path, v) => checkProjected(errors, path, v.projected!),
  scaleIO: (errors, path, v) => needs(errors, path, v.scaleIO!, 'gateway', 'system', 'volumeName'),
  csi: (errors, path, v) => checkCsi(errors, path, v.csi!),
  ephemeral: (errors, _path, v, at, podName) => checkEphemeral(errors, at, v, podName),
  image: (errors, path, { image }, _at, podName) => {
    if (podName !== undefined && !image?.reference) errors.push(required(`${path}.reference`))
    checkPullPolicy(errors, `${path}.pullPolicy`, image?.pullPolicy)
  },
}
const ORDER = Object.keys(CHECKS) as (keyof Volume)[]
/** k8s: what a second source is called, where that isn't its name. */
const SECOND: Readonly<Record<string, string>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' }

function checkSource(errors: Errors, at: string, volume: AnyVolume, podName: string | undefined): void {
  const [source, ...more] = ORDER.filter((key) => volume[key] !== undefined)
  if (source) CHECKS[source]?.(errors, `${at}.${source}`, volume, at, podName)
  for (const key of more) {
    errors.push(forbiddenField(`${at}.${SECOND[key] ?? key}`, 'may not specify more than 1 volume type'))
  }
  if (volume.iscsi) sources.checkIscsiVolumeName(errors, at, volume)
  if (!source) errors.push(required(at, 'must specify a volume type'))
}

function checkCsi(errors: Errors, path: string, csi: NonNullable<AnyVolume['csi']>): void {
  sources.checkDriverName(errors, `${path}.driver`, csi.driver)
  const secret = csi.nodePublishSecretRef
  if (!secret) return
  if (!secret.name) errors.push(required(`${path}.nodePublishSecretRef.name`))
  // k8s: a malformed name is reported one level up.
  else for (const problem of dnsSubdomain(secret.name)) errors.push(invalid(`${path}.name`, secret.name, problem))
}

function checkEphemeral(errors: Errors, at: string, volume: AnyVolume, podName: string | undefined): void {
  const path = `${at}.ephemeral.volumeClaimTemplate`
  const template = volume.ephemeral?.volumeClaimTemplate
  if (!template) errors.push(required(path))
  else checkClaimTemplate(errors, path, template)
  if (!podName || !volume.name) return
  const claim = `${podName}-${volume.name}`
  for (const problem of dnsSubdomain(claim)) {
    errors.push(invalid(`${at}.name`, volume.name, `PVC name ${JSON.stringify(claim)}: ${problem}`))
  }
}
