// The rules of environment variables and of the fields that they and downward API volumes can read.
import { invalid, notSupported, required } from '../../meta/errors.ts'
import { configMapKey, envVarName, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { parseQuantity } from '../../meta/quantity.ts'
import type { Container, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector } from '../../types/core.v1.ts'
import { checkName, checkSubdomain, type Errors } from '../check.ts'

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
const RESOURCES = ['cpu', 'ephemeral-storage', 'memory'].flatMap((r) => [`limits.${r}`, `requests.${r}`]).sort()

type EnvOwner = DeepReadonly<Pick<Container, 'env' | 'envFrom'>>

export function checkEnv(errors: Errors, path: string, { env = [], envFrom = [] }: EnvOwner): void {
  env.forEach((variable, i) => {
    const at = `${path}.env[${i}]`
    checkName(errors, `${at}.name`, variable.name, envVarName)
    if (variable.valueFrom) checkSource(errors, `${at}.valueFrom`, variable.valueFrom, variable.value)
  })
  envFrom.forEach((source, i) => {
    const at = `${path}.envFrom[${i}]`
    if (source.prefix) checkName(errors, `${at}.prefix`, source.prefix, envVarName)
    const given = (['configMapRef', 'secretRef'] as const).filter((key) => source[key])
    if (given.length > 1) errors.push(invalid(at, '', 'may not have more than one field specified at a time'))
    if (given.length === 0) errors.push(invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`'))
    for (const key of given) checkSubdomain(errors, `${at}.${key}.name`, source[key]?.name)
  })
}

function checkSource(
  errors: Errors,
  path: string,
  source: DeepReadonly<EnvVarSource>,
  value: string | undefined,
): void {
  const given = Object.values(source).filter((v) => v !== undefined && v !== null)
  if (value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'))
  else if (given.length === 0) {
    errors.push(
      invalid(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    )
  } else if (given.length > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'))
  if (source.fieldRef) checkFieldRef(errors, `${path}.fieldRef`, source.fieldRef, ENV_FIELDS)
  if (source.resourceFieldRef) checkResourceRef(errors, `${path}.resourceFieldRef`, source.resourceFieldRef, false)
  for (const key of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = source[key]
    if (!ref) continue
    checkSubdomain(errors, `${path}.${key}.name`, ref.name)
    checkName(errors, `${path}.${key}.key`, ref.key, configMapKey)
  }
}

const SUBSCRIPT = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/

export function checkFieldRef(
  errors: Errors,
  path: string,
  ref: DeepReadonly<ObjectFieldSelector>,
  fields: readonly string[],
): void {
  if (!ref.apiVersion) return void errors.push(required(`${path}.apiVersion`))
  if (!ref.fieldPath) return void errors.push(required(`${path}.fieldPath`))
  const [, , key] = SUBSCRIPT.exec(ref.fieldPath) ?? []
  if (key !== undefined) {
    for (const problem of qualifiedName(ref.fieldPath.startsWith('metadata.annotations') ? key.toLowerCase() : key)) {
      errors.push(invalid(path, key, problem))
    }
    return
  }
  const convertible = ref.apiVersion === 'v1' && [...ENV_FIELDS, ...VOLUME_FIELDS].includes(ref.fieldPath)
  if (!convertible) {
    errors.push(
      invalid(
        `${path}.fieldPath`,
        ref.fieldPath,
        `error converting fieldPath: field label not supported: ${ref.fieldPath}`,
      ),
    )
  } else if (!fields.includes(ref.fieldPath)) {
    errors.push(notSupported(`${path}.fieldPath`, ref.fieldPath, fields))
  }
}
export const checkVolumeFieldRef = (errors: Errors, path: string, ref: DeepReadonly<ObjectFieldSelector>) =>
  checkFieldRef(errors, path, ref, VOLUME_FIELDS)

const DIVISORS: Readonly<Record<string, readonly string[]>> = {
  cpu: ['1', '1m'],
  memory: ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'],
}

export function checkResourceRef(
  errors: Errors,
  path: string,
  ref: DeepReadonly<ResourceFieldSelector>,
  inVolume: boolean,
): void {
  if (inVolume && !ref.containerName) return void errors.push(required(`${path}.containerName`))
  if (!ref.resource) return void errors.push(required(`${path}.resource`))
  const known = RESOURCES.includes(ref.resource) || /^(limits|requests)\.hugepages-/.test(ref.resource)
  if (!known) return void errors.push(notSupported(`${path}.resource`, ref.resource, RESOURCES))
  if (!ref.divisor || ref.divisor === '0') return
  const resource = ref.resource.slice(ref.resource.indexOf('.') + 1)
  const allowed = DIVISORS[resource] ?? DIVISORS['memory']!
  const nano = parseQuantity(ref.divisor).nano
  if (!allowed.some((unit) => parseQuantity(unit).nano === nano)) {
    const shown = resource === 'cpu' ? '1m and 1' : '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei'
    errors.push(
      invalid('divisor', ref.divisor, `only divisor's values ${shown} are supported with the ${resource} resource`),
    )
  }
}
