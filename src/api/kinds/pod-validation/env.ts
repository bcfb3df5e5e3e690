// The rules of environment variables and of the fields that they and downward API volumes can read.
import { invalid, notFoundValue, notSupported, required } from '../../meta/errors.ts'
import { configMapKey, dnsSubdomain, envVarName, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { parseQuantity } from '../../meta/quantity.ts'
import type { Container, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector } from '../../types/core.v1.ts'
import { checkLabel, checkName, checkSubdomain, type Errors } from '../check.ts'
import { checkLocalFile } from './paths.ts'
import type { Volumes } from './volumes.ts'

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
const VOLUME_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid']
/** What a path may name at all: what the two uses know, and what neither can show. */
const CONVERTIBLE: ReadonlySet<string> = new Set([
  ...ENV_FIELDS,
  ...VOLUME_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
])
const RESOURCES = ['cpu', 'ephemeral-storage', 'memory'].flatMap((r) => [`limits.${r}`, `requests.${r}`]).sort()

type EnvOwner = DeepReadonly<Pick<Container, 'env' | 'envFrom'>>

export function checkEnv(errors: Errors, path: string, { env = [], envFrom = [] }: EnvOwner, volumes: Volumes): void {
  env.forEach((variable, i) => {
    const at = `${path}.env[${i}]`
    checkName(errors, `${at}.name`, variable.name, envVarName)
    if (variable.valueFrom) checkSource(errors, `${at}.valueFrom`, variable.valueFrom, variable.value, volumes)
  })
  envFrom.forEach((source, i) => {
    const at = `${path}.envFrom[${i}]`
    if (source.prefix) checkName(errors, `${at}.prefix`, source.prefix, envVarName)
    const given = (['configMapRef', 'secretRef'] as const).filter((key) => source[key])
    for (const key of given) checkSubdomain(errors, `${at}.${key}.name`, source[key]?.name)
    // k8s: said of the list, not of its item.
    if (given.length === 0) {
      errors.push(invalid(`${path}.envFrom`, '', 'must specify one of: `configMapRef` or `secretRef`'))
    } else if (given.length > 1) {
      errors.push(invalid(`${path}.envFrom`, '', 'may not have more than one field specified at a time'))
    }
  })
}

function checkSource(
  errors: Errors,
  path: string,
  source: DeepReadonly<EnvVarSource>,
  value: string | undefined,
  volumes: Volumes,
): void {
  if (source.fieldRef) checkFieldRef(errors, `${path}.fieldRef`, source.fieldRef, ENV_FIELDS)
  if (source.resourceFieldRef) checkResourceRef(errors, `${path}.resourceFieldRef`, source.resourceFieldRef, false)
  for (const key of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = source[key]
    if (!ref) continue
    for (const problem of dnsSubdomain(ref.name ?? ''))
      errors.push(invalid(`${path}.${key}.name`, ref.name ?? '', problem))
    checkName(errors, `${path}.${key}.key`, ref.key, configMapKey)
  }
  if (source.fileKeyRef) checkFileKey(errors, `${path}.fileKeyRef`, source.fileKeyRef, volumes)
  const given = Object.values(source).filter((v) => v !== undefined && v !== null)
  if (given.length === 0) {
    const all = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'
    errors.push(invalid(path, '', `must specify one of: ${all}`))
  } else if (value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'))
  else if (given.length > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'))
}

/** A variable out of a file that an init container wrote: the file stands in a scratch volume of the pod. */
function checkFileKey(
  errors: Errors,
  path: string,
  ref: NonNullable<DeepReadonly<EnvVarSource>['fileKeyRef']>,
  volumes: Volumes,
): void {
  const before = errors.length
  checkLabel(errors, `${path}.volumeName`, ref.volumeName)
  if (errors.length === before) {
    const volume = volumes.get(ref.volumeName)
    if (!volume) errors.push(notFoundValue(`${path}.volumeName`, ref.volumeName))
    else if (!volume.emptyDir) {
      errors.push(invalid(`${path}.volumeName`, ref.volumeName, 'referenced volume must be of type emptyDir'))
    }
  }
  if (!ref.path) errors.push(required(`${path}.path`))
  else checkLocalFile(errors, `${path}.path`, ref.path)
  checkName(errors, `${path}.key`, ref.key, envVarName)
}

const SUBSCRIPT = /^(.*)\['(.*)'\]$/s
const SUBSCRIPTED: ReadonlySet<string> = new Set(['metadata.labels', 'metadata.annotations'])

export function checkFieldRef(
  errors: Errors,
  path: string,
  ref: DeepReadonly<ObjectFieldSelector>,
  fields: readonly string[],
): void {
  if (!ref.apiVersion) return void errors.push(required(`${path}.apiVersion`))
  if (!ref.fieldPath) return void errors.push(required(`${path}.fieldPath`))
  const unknown = (why: string) =>
    errors.push(invalid(`${path}.fieldPath`, ref.fieldPath, `error converting fieldPath: ${why}`))
  if (ref.apiVersion !== 'v1') return void unknown(`unsupported pod version: ${ref.apiVersion}`)
  const [, of, key] = SUBSCRIPT.exec(ref.fieldPath) ?? []
  if (of !== undefined && key !== undefined) {
    if (!SUBSCRIPTED.has(of)) return void unknown(`field label does not support subscript: ${ref.fieldPath}`)
    const shown = of === 'metadata.annotations' ? key.toLowerCase() : key
    for (const problem of qualifiedName(shown)) errors.push(invalid(path, shown, problem))
    return
  }
  if (!CONVERTIBLE.has(ref.fieldPath)) unknown(`field label not supported: ${ref.fieldPath}`)
  else if (!fields.includes(ref.fieldPath)) errors.push(notSupported(`${path}.fieldPath`, ref.fieldPath, fields))
}
export const checkVolumeFieldRef = (errors: Errors, path: string, ref: DeepReadonly<ObjectFieldSelector>) =>
  checkFieldRef(errors, path, ref, VOLUME_FIELDS)

const SIZES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']
/** By resource: how the sentence calls it, and what it can be divided by. */
const DIVISORS: readonly (readonly [pattern: RegExp, called: string, divisors: readonly string[]])[] = [
  [/^(limits|requests)\.cpu$/, 'cpu', ['1m', '1']],
  [/^(limits|requests)\.memory$/, 'memory', SIZES],
  [/^(limits|requests)\.ephemeral-storage$/, 'local ephemeral storage', SIZES],
  [/^(limits|requests)\.hugepages-/, 'hugepages', SIZES],
]

export function checkResourceRef(
  errors: Errors,
  path: string,
  ref: DeepReadonly<ResourceFieldSelector>,
  inVolume: boolean,
): void {
  const resource = ref.resource ?? ''
  if (inVolume && !ref.containerName) errors.push(required(`${path}.containerName`))
  else if (!resource) errors.push(required(`${path}.resource`))
  else if (!RESOURCES.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    errors.push(notSupported(`${path}.resource`, resource, RESOURCES))
  }
  if (!ref.divisor || parseQuantity(ref.divisor).nano === 0n) return
  const [, called, divisors] = DIVISORS.find(([pattern]) => pattern.test(resource)) ?? []
  if (!called || divisors?.includes(ref.divisor)) return
  const list = called === 'cpu' ? '1m and 1' : SIZES.join(', ')
  const why = `only divisor's values ${list} are supported with the ${called} resource`
  errors.push(invalid(`${path}.divisor`, resource, why))
}
