// The rules of volumes made of keys, fields and tokens: ConfigMaps, Secrets, the downward API, and projections of several of them.
import { forbiddenField, invalid, required } from '../../meta/errors.ts'
import { dnsSubdomain } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
} from '../../types/core.v1.ts'
import { checkSelector, type Errors } from '../check.ts'
import { checkResourceRef, checkVolumeFieldRef } from './env.ts'
import { checkLocalFile } from './paths.ts'

const MODE_SENTENCE = 'must be a number between 0 and 0777 (octal), both inclusive'

export function checkMode(errors: Errors, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(invalid(field, mode, MODE_SENTENCE))
}

export function checkItems(errors: Errors, path: string, items: readonly DeepReadonly<KeyToPath>[] | undefined): void {
  items?.forEach((item, i) => {
    checkItem(errors, `${path}.items[${i}]`, item)
  })
}

function checkItem(errors: Errors, at: string, item: DeepReadonly<KeyToPath>): void {
  if (!item.key) errors.push(required(`${at}.key`))
  if (!item.path) errors.push(required(`${at}.path`))
  checkLocalFile(errors, `${at}.path`, item.path ?? '')
  checkMode(errors, `${at}.mode`, item.mode)
}

/** A ConfigMap or Secret as a volume. */
export function checkFiles(
  errors: Errors,
  path: string,
  nameField: string,
  name: string | undefined,
  files: DeepReadonly<{ items?: KeyToPath[]; defaultMode?: number }>,
): void {
  if (!name) errors.push(required(`${path}.${nameField}`))
  checkMode(errors, `${path}.defaultMode`, files.defaultMode)
  checkItems(errors, path, files.items)
}

export function checkDownwardApi(errors: Errors, path: string, source: DeepReadonly<DownwardAPIVolumeSource>): void {
  checkMode(errors, `${path}.defaultMode`, source.defaultMode)
  // k8s: the paths of errors don't say which of the items.
  for (const file of source.items ?? []) checkDownwardFile(errors, path, file)
}

function checkDownwardFile(errors: Errors, path: string, file: DeepReadonly<DownwardAPIVolumeFile>): void {
  if (!file.path) errors.push(required(`${path}.path`))
  checkLocalFile(errors, `${path}.path`, file.path ?? '')
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

export function checkProjected(errors: Errors, path: string, projected: DeepReadonly<ProjectedVolumeSource>): void {
  checkMode(errors, `${path}.defaultMode`, projected.defaultMode)
  const taken = new Set<string>()
  const take = (file: string | undefined, shown: string) => {
    if (!file) return
    if (taken.has(file)) errors.push(invalid(path, shown, 'conflicting duplicate paths'))
    taken.add(file)
  }
  projected.sources?.forEach((source, i) => {
    const at = `${path}.sources[${i}]`
    for (const key of ['secret', 'configMap'] as const) {
      const files = source[key]
      if (!files) continue
      if (!files.name) errors.push(required(`${at}.${key}.name`))
      files.items?.forEach((item, n) => {
        checkItem(errors, `${at}.${key}.items[${n}]`, item)
        take(item.path, files.name ?? '')
      })
    }
    for (const file of source.downwardAPI?.items ?? []) {
      checkDownwardFile(errors, `${at}.downwardAPI`, file)
      take(file.path, file.path)
    }
    if (source.serviceAccountToken) {
      checkToken(errors, path, `${at}.serviceAccountToken`, source.serviceAccountToken)
    }
    if (source.clusterTrustBundle) {
      checkBundle(errors, `${at}.clusterTrustBundle`, source.clusterTrustBundle)
      take(source.clusterTrustBundle.path, source.clusterTrustBundle.path)
    }
    if (Object.values(source).filter((part) => part !== undefined).length > 1) {
      errors.push(forbiddenField(at, 'may not specify more than 1 volume type per source'))
    }
  })
}

const MIN_TOKEN_SECONDS = 600
const MAX_TOKEN_SECONDS = 2 ** 32

/** @param volumePath k8s: what is wrong with the token's path is said of the whole volume */
function checkToken(
  errors: Errors,
  volumePath: string,
  at: string,
  token: DeepReadonly<ServiceAccountTokenProjection>,
): void {
  const seconds = token.expirationSeconds ?? 0
  const field = `${at}.expirationSeconds`
  if (seconds < MIN_TOKEN_SECONDS) {
    errors.push(invalid(field, seconds, 'may not specify a duration less than 10 minutes'))
  }
  if (seconds > MAX_TOKEN_SECONDS) {
    errors.push(invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
  }
  if (!token.path) errors.push(required(`${volumePath}.path`))
  else checkLocalFile(errors, `${volumePath}.path`, token.path)
}

function checkBundle(errors: Errors, at: string, bundle: DeepReadonly<ClusterTrustBundleProjection>): void {
  const { name, signerName, labelSelector, path = '' } = bundle
  if (name !== undefined && signerName !== undefined) {
    errors.push(invalid(at, bundle, 'only one of name and signerName may be used'))
  } else if (name !== undefined) {
    if (name === '') errors.push(required(`${at}.name`, 'must be a valid object name'))
    for (const problem of dnsSubdomain(name.slice(name.lastIndexOf(':') + 1))) {
      errors.push(invalid(`${at}.name`, name, `not a valid clustertrustbundlename: ${problem}`))
    }
    if (labelSelector) {
      errors.push(invalid(`${at}.labelSelector`, labelSelector, 'labelSelector must be unset if name is specified'))
    }
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(required(`${at}.signerName`, 'must be a valid signer name'))
    else if (!/^[^/]+\/[^/]+$/.test(signerName)) {
      const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
      errors.push(invalid(`${at}.signerName`, signerName, why))
    }
    checkSelector(errors, `${at}.labelSelector`, labelSelector)
  } else errors.push(required(at, 'either name or signerName must be specified'))
  if (!path) errors.push(required(`${at}.path`))
  checkLocalFile(errors, `${at}.path`, path)
}
