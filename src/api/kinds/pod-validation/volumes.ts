// The rules of volumes: one source each, with what the sources need.
import { duplicate, forbiddenField, invalid, notFoundValue, required } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { parseQuantity } from '../../meta/quantity.ts'
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume } from '../../types/core.v1.ts'
import { checkLabel, checkOneOf, checkSubdomain, type Errors } from '../check.ts'
import { checkLocalPath } from './containers.ts'
import { checkResourceRef, checkVolumeFieldRef } from './env.ts'

const MODE_SENTENCE = 'must be a number between 0 and 0777 (octal), both inclusive'

/** The volumes of a pod, as its containers may name them. */
export interface VolumeNames {
  checkMount(errors: Errors, field: string, name: string | undefined): void
}

export function checkVolumes(
  errors: Errors,
  path: string,
  volumes: readonly DeepReadonly<Volume>[] | undefined,
): VolumeNames {
  const names = new Set<string>()
  volumes?.forEach((volume, i) => {
    const at = `${path}[${i}]`
    checkLabel(errors, `${at}.name`, volume.name)
    if (volume.name && names.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name))
    names.add(volume.name)
    checkSource(errors, at, volume)
  })
  return {
    checkMount(into, field, name) {
      if (name && !names.has(name)) into.push(notFoundValue(field, name))
    },
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

function checkSource(errors: Errors, at: string, volume: DeepReadonly<Volume>): void {
  const [source, ...more] = (Object.keys(volume) as (keyof Volume)[]).filter((k) => k !== 'name' && volume[k])
  if (!source) return void errors.push(required(at, 'must specify a volume type'))
  for (const key of more) errors.push(forbiddenField(`${at}.${key}`, 'may not specify more than 1 volume type'))
  const path = `${at}.${source}`
  const needs = (value: unknown, key: string) => {
    if (!value) errors.push(required(`${path}.${key}`))
  }
  const { emptyDir, hostPath, nfs, persistentVolumeClaim, secret, configMap, downwardAPI, projected, csi } = volume
  if (emptyDir?.sizeLimit && parseQuantity(emptyDir.sizeLimit).nano < 0n) {
    errors.push(forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
  }
  if (hostPath) {
    needs(hostPath.path, 'path')
    if (hostPath.path?.split('/').includes('..')) {
      errors.push(invalid(`${path}.path`, hostPath.path, "must not contain '..'"))
    }
    if (hostPath.type) checkOneOf(errors, `${path}.type`, hostPath.type, HOST_PATH_TYPES)
  }
  if (nfs) {
    needs(nfs.server, 'server')
    needs(nfs.path, 'path')
    if (nfs.path && !nfs.path.startsWith('/')) {
      errors.push(invalid(`${path}.path`, nfs.path, 'must be an absolute path'))
    }
  }
  if (persistentVolumeClaim) needs(persistentVolumeClaim.claimName, 'claimName')
  if (secret) {
    needs(secret.secretName, 'secretName')
    checkFiles(errors, path, secret)
  }
  if (configMap) {
    needs(configMap.name, 'name')
    checkFiles(errors, path, configMap)
  }
  if (downwardAPI) {
    checkMode(errors, `${path}.defaultMode`, downwardAPI.defaultMode)
    downwardAPI.items?.forEach((file) => {
      checkDownwardFile(errors, path, file)
    })
  }
  if (projected) checkProjected(errors, path, projected)
  if (csi) needs(csi.driver, 'driver')
  if (volume.image) needs(volume.image.reference, 'reference')
  if (volume.ephemeral && !volume.ephemeral.volumeClaimTemplate) {
    errors.push(required(`${path}.volumeClaimTemplate`))
  }
}

function checkMode(errors: Errors, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(invalid(field, mode, MODE_SENTENCE))
}

type Files = DeepReadonly<{ items?: KeyToPath[]; defaultMode?: number }>

function checkFiles(errors: Errors, path: string, { items, defaultMode }: Files): void {
  checkMode(errors, `${path}.defaultMode`, defaultMode)
  items?.forEach((item, i) => {
    const at = `${path}.items[${i}]`
    if (!item.key) errors.push(required(`${at}.key`))
    checkFilePath(errors, `${at}.path`, item.path)
    checkMode(errors, `${at}.mode`, item.mode)
  })
}

function checkFilePath(errors: Errors, field: string, file: string | undefined): void {
  if (!file) return void errors.push(required(field))
  checkLocalPath(errors, field, file)
  if (file.startsWith('..') && !file.startsWith('../')) {
    errors.push(invalid(field, file, "must not start with '..'"))
  }
}

function checkDownwardFile(errors: Errors, path: string, file: DeepReadonly<DownwardAPIVolumeFile>): void {
  checkFilePath(errors, `${path}.path`, file.path)
  if (file.fieldRef) {
    checkVolumeFieldRef(errors, `${path}.fieldRef`, file.fieldRef)
    if (file.resourceFieldRef) {
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    }
  } else if (file.resourceFieldRef) {
    checkResourceRef(errors, `${path}.resourceFieldRef`, file.resourceFieldRef, true)
  } else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'))
  checkMode(errors, `${path}.mode`, file.mode)
}

const MIN_TOKEN_SECONDS = 600
const MAX_TOKEN_SECONDS = 2 ** 32

function checkProjected(errors: Errors, path: string, projected: DeepReadonly<ProjectedVolumeSource>): void {
  checkMode(errors, `${path}.defaultMode`, projected.defaultMode)
  const files = new Set<string>()
  const claim = (at: string, file: string | undefined) => {
    if (!file) return
    if (files.has(file)) errors.push(invalid(at, file, 'conflicting duplicate paths'))
    files.add(file)
  }
  projected.sources?.forEach((source, i) => {
    const at = `${path}.sources[${i}]`
    const [first, ...more] = (Object.keys(source) as (keyof typeof source)[]).filter((key) => source[key])
    if (!first) errors.push(required(at, 'must specify a volume type'))
    for (const key of more) {
      errors.push(forbiddenField(`${at}.${key}`, 'may not specify more than 1 volume type per source'))
    }
    for (const key of ['secret', 'configMap'] as const) {
      const files = source[key]
      if (!files) continue
      checkSubdomain(errors, `${at}.${key}.name`, files.name)
      checkFiles(errors, `${at}.${key}`, files)
      files.items?.forEach((item) => {
        claim(path, item.path)
      })
    }
    source.downwardAPI?.items?.forEach((file) => {
      checkDownwardFile(errors, `${at}.downwardAPI`, file)
      claim(path, file.path)
    })
    const token = source.serviceAccountToken
    if (token) {
      const field = `${at}.serviceAccountToken`
      checkFilePath(errors, `${field}.path`, token.path)
      claim(field, token.path)
      const seconds = token.expirationSeconds ?? 0
      if (seconds < MIN_TOKEN_SECONDS) {
        errors.push(invalid(`${field}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'))
      } else if (seconds > MAX_TOKEN_SECONDS) {
        errors.push(
          invalid(`${field}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'),
        )
      }
    }
  })
}
