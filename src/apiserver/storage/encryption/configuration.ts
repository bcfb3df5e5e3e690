// An EncryptionConfiguration (apiserver.config.k8s.io/v1), read and checked: which resources are encrypted how. The first provider of
// the first entry that names a resource writes it; all of them are for reading. Key management services are not supported.
import { type FieldError, invalid, required } from '../../../api/meta/errors.ts'
import { type NamedKey, type Provider, type ProviderName, provider } from './providers.ts'

export const API_VERSION = 'apiserver.config.k8s.io/v1'
export const KIND = 'EncryptionConfiguration'

export interface EncryptionRule {
  /** `secrets`, `deployments.apps`, `*.apps` (of a group), `*.` (of the core group), `*.*` (all). */
  readonly resources: readonly string[]
  /** Undefined: written as it is. */
  readonly writer: Provider | undefined
  readonly readers: readonly Provider[]
}

export class EncryptionConfigError extends Error {}

const KEY_BYTES: Readonly<Record<ProviderName, readonly number[]>> = {
  aesgcm: [16, 24, 32],
  aescbc: [16, 24, 32],
  secretbox: [32],
}
const KNOWN = ['aesgcm', 'aescbc', 'secretbox', 'identity', 'kms']
const ONE_ONLY = 'more than one provider specified in a single element, should split into different list elements'

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws EncryptionConfigError naming every field that is wrong; never a key's secret */
export function parseEncryptionConfiguration(value: unknown): EncryptionRule[] {
  if (!isFields(value) || value['apiVersion'] !== API_VERSION || value['kind'] !== KIND) {
    throw new EncryptionConfigError(`must be an ${KIND} of ${API_VERSION}`)
  }
  const errors: FieldError[] = []
  const entries = listOf(value['resources'])
  if (entries.length === 0) errors.push(required('resources', 'at least one resources is required'))
  const rules = entries.map((entry, i) => parseEntry(isFields(entry) ? entry : {}, `resources[${i}]`, errors))
  if (errors.length > 0) {
    throw new EncryptionConfigError(errors.map(({ field, message }) => `${field}: ${message}`).join(', '))
  }
  return rules
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function parseEntry(entry: Fields, path: string, errors: FieldError[]): EncryptionRule {
  const resources = listOf(entry['resources']).map(String)
  if (resources.length === 0) errors.push(required(`${path}.resources`, 'at least one resource is required'))
  resources.forEach((name, i) => {
    const why = nameProblem(name)
    if (why) errors.push(invalid(`${path}.resources[${i}]`, name, why))
  })
  const overlap = overlapProblem(resources)
  if (overlap) errors.push(invalid(`${path}.resources`, resources, overlap))
  const providers = listOf(entry['providers'])
  if (providers.length === 0) errors.push(required(`${path}.providers`, 'at least one provider is required'))
  const parsed = providers.map((one, i) => parseProvider(one, `${path}.providers[${i}]`, errors))
  return { resources, writer: parsed[0]?.[0], readers: parsed.flat() }
}

/** The keys of one provider; none for `identity`. */
function parseProvider(value: unknown, path: string, errors: FieldError[]): Provider[] {
  const names = Object.keys(isFields(value) ? value : {})
  const [name = ''] = names
  if (names.length > 1) errors.push(invalid(path, names, ONE_ONLY))
  else if (!KNOWN.includes(name)) {
    const expected = 'provider does not contain any of the expected providers: AESGCM, AESCBC, Secretbox, Identity'
    errors.push(invalid(path, names, expected))
  } else if (name === 'kms') {
    errors.push(invalid(path, 'kms', 'key management services are not supported: use aesgcm, aescbc or secretbox'))
  } else if (name !== 'identity') {
    const field = `${path}.${name}.keys`
    const { [name]: settings } = value as Fields
    const keys = listOf(isFields(settings) ? settings['keys'] : undefined)
    if (keys.length === 0) errors.push(required(field, 'at least one keys is required'))
    const parsed = keys.map((key, i) => parseKey(key, `${field}[${i}]`, KEY_BYTES[name as ProviderName], errors))
    return parsed.flatMap((key) => (key ? [provider(name as ProviderName, key)] : []))
  }
  return []
}

function parseKey(value: unknown, path: string, sizes: readonly number[], errors: FieldError[]): NamedKey | undefined {
  const { name, secret } = isFields(value) ? value : ({} as Fields)
  if (typeof name !== 'string' || name === '')
    errors.push(required(`${path}.name`, 'name is a mandatory field for a key'))
  else if (name.includes(':')) errors.push(invalid(`${path}.name`, name, "must not contain ':'"))
  if (typeof secret !== 'string' || secret === '') {
    errors.push(required(`${path}.secret`, 'secret is a mandatory field for a key'))
    return undefined
  }
  const bytes = Buffer.from(secret, 'base64')
  if (bytes.toString('base64') !== secret.replace(/\s/g, '')) {
    errors.push(invalid(`${path}.secret`, 'REDACTED', 'secrets must be base64 encoded'))
    return undefined
  }
  if (!sizes.includes(bytes.byteLength)) {
    const why = `secret is not of the expected length, got ${bytes.byteLength}, expected one of [${sizes.join(' ')}]`
    errors.push(invalid(`${path}.secret`, 'REDACTED', why))
    return undefined
  }
  return { name: String(name), secret: bytes }
}

const split = (name: string): [resource: string, group: string] => {
  const dot = name.indexOf('.')
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
}

function nameProblem(name: string): string | undefined {
  const [resource, group] = split(name)
  if (/[A-Z]/.test(name)) return 'resource name should not contain capital letters'
  if (name === '*') return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption"
  if (group === 'events.k8s.io') {
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file"
  }
  if (group === '*' && resource !== '*') return 'encrypting the same resource across groups is not supported'
  return undefined
}

function overlapProblem(names: readonly string[]): string | undefined {
  if (new Set(names.map((name) => split(name).join('.'))).size < names.length) {
    return 'the same resource cannot be specified multiple times'
  }
  const groups = names.map(split)
  const masks = groups.some(
    ([resource, group], i) =>
      resource === '*' && groups.some(([, other], j) => i !== j && (group === '*' || other === group)),
  )
  return masks
    ? "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked"
    : undefined
}

/** The rule for a resource as the store names it: of several that match, the first. */
export function ruleFor(rules: readonly EncryptionRule[], group: string, resource: string): EncryptionRule | undefined {
  const names = [group ? `${resource}.${group}` : resource, `*.${group}`, '*.*']
  return rules.find((rule) =>
    rule.resources.some((name) => names.includes(name) || names.includes(name.replace(/(?<!\*)\.$/, ''))),
  )
}
