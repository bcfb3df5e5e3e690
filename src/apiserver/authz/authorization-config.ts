// An AuthorizationConfiguration (apiserver.config.k8s.io) read and checked: which authorisers are asked, in which order, and how webhooks
// are called. Pure; k8s: fields, rules and messages are kube-apiserver's.
import { dnsSubdomain } from '../../api/meta/names.ts'
import { ConfigReader, type Fields } from '../config-reader.ts'
import type { CompileExpression, Expression } from '../expression.ts'

export interface WebhookSettings {
  readonly name: string
  readonly timeoutMs: number
  readonly authorizedTtlMs: number
  readonly unauthorizedTtlMs: number
  readonly cacheAuthorized: boolean
  readonly cacheUnauthorized: boolean
  readonly version: 'v1' | 'v1beta1'
  readonly failurePolicy: 'NoOpinion' | 'Deny'
  /** Absolute; undefined: this server itself is asked. */
  readonly kubeConfigFile: string | undefined
  /** Over `request`, the review's spec. */
  readonly matchConditions: readonly Expression[]
}

export type ConfiguredLink = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny' | WebhookSettings

const TYPES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook']
const WEBHOOK_FIELDS = [
  'authorizedTTL',
  'cacheAuthorizedRequests',
  'unauthorizedTTL',
  'cacheUnauthorizedRequests',
  'timeout',
  'subjectAccessReviewVersion',
  'matchConditionSubjectAccessReviewVersion',
  'failurePolicy',
  'connectionInfo',
  'matchConditions',
]
const MAX_CONDITIONS = 64

/** @param compile undefined when expressions are not understood here. @throws ConfigurationError */
export function parseAuthorizationConfiguration(
  document: unknown,
  compile: CompileExpression | undefined,
): readonly ConfiguredLink[] {
  const { fields, reader } = ConfigReader.open(document, 'AuthorizationConfiguration', ['v1', 'v1beta1', 'v1alpha1'])
  reader.only('', fields, ['apiVersion', 'kind', 'authorizers'])
  const list = reader.list('authorizers', fields['authorizers'])
  if (list.length === 0) reader.required('authorizers', 'at least one authorization mode must be defined')
  const types = new Set<string>()
  const names = new Set<string>()
  const links = list.map((entry, i): ConfiguredLink => {
    const at = `authorizers[${i}]`
    const authorizer = reader.object(at, entry)
    reader.only(at, authorizer, ['type', 'name', 'webhook'])
    const type = reader.text(`${at}.type`, authorizer['type'])
    const name = reader.text(`${at}.name`, authorizer['name'])
    reader.oneOf(`${at}.type`, type, TYPES)
    if (type !== 'Webhook' && types.has(type)) reader.duplicate(`${at}.type`, type)
    types.add(type)
    if (name === '') reader.required(`${at}.name`)
    else if (names.has(name)) reader.duplicate(`${at}.name`, name)
    else if (dnsSubdomain(name).length > 0) {
      reader.invalid(`${at}.name`, name, `authorizer name is invalid: ${dnsSubdomain(name).join(', ')}`)
    }
    names.add(name)
    const { webhook } = authorizer
    if (type !== 'Webhook') {
      if (webhook !== undefined) reader.invalid(`${at}.webhook`, 'non-null', 'may only be specified when type=Webhook')
      return type as 'RBAC'
    }
    if (webhook === undefined) reader.required(`${at}.webhook`, 'required when type=Webhook')
    return webhookSettings(reader, `${at}.webhook`, name, reader.object(`${at}.webhook`, webhook), compile)
  })
  reader.finish()
  return links
}

function webhookSettings(
  reader: ConfigReader,
  at: string,
  name: string,
  fields: Fields,
  compile: CompileExpression | undefined,
): WebhookSettings {
  reader.only(at, fields, WEBHOOK_FIELDS)
  const text = (field: string) => reader.text(`${at}.${field}`, fields[field])
  const ttl = (field: string, otherwiseMs: number) => {
    const ms = reader.duration(`${at}.${field}`, fields[field]) ?? otherwiseMs
    if (ms <= 0) reader.invalid(`${at}.${field}`, fields[field], 'must be > 0s')
    return ms
  }
  const timeoutMs = reader.duration(`${at}.timeout`, fields['timeout'])
  if (timeoutMs === undefined) reader.required(`${at}.timeout`)
  else if (timeoutMs <= 0 || timeoutMs > 30_000) {
    reader.invalid(`${at}.timeout`, fields['timeout'], 'must be > 0s and <= 30s')
  }
  const version = text('subjectAccessReviewVersion')
  reader.oneOf(`${at}.subjectAccessReviewVersion`, version, ['v1', 'v1beta1'])
  const conditions = reader.list(`${at}.matchConditions`, fields['matchConditions'])
  const conditionVersion = text('matchConditionSubjectAccessReviewVersion')
  if (conditionVersion === '' && conditions.length > 0) {
    reader.required(`${at}.matchConditionSubjectAccessReviewVersion`, 'required if match conditions are specified')
  } else if (conditionVersion !== '') {
    reader.oneOf(`${at}.matchConditionSubjectAccessReviewVersion`, conditionVersion, ['v1'])
  }
  const failurePolicy = text('failurePolicy')
  reader.oneOf(`${at}.failurePolicy`, failurePolicy, ['NoOpinion', 'Deny'])
  return {
    name,
    timeoutMs: timeoutMs ?? 0,
    authorizedTtlMs: ttl('authorizedTTL', 5 * 60_000),
    unauthorizedTtlMs: ttl('unauthorizedTTL', 30_000),
    cacheAuthorized: fields['cacheAuthorizedRequests'] !== false,
    cacheUnauthorized: fields['cacheUnauthorizedRequests'] !== false,
    version: version as 'v1',
    failurePolicy: failurePolicy as 'Deny',
    kubeConfigFile: kubeConfigFile(reader, `${at}.connectionInfo`, fields['connectionInfo']),
    matchConditions: matchConditions(reader, `${at}.matchConditions`, conditions, compile),
  }
}

function kubeConfigFile(reader: ConfigReader, at: string, value: unknown): string | undefined {
  const fields = reader.object(at, value)
  reader.only(at, fields, ['type', 'kubeConfigFile'])
  const type = reader.text(`${at}.type`, fields['type'])
  const file = reader.text(`${at}.kubeConfigFile`, fields['kubeConfigFile'])
  reader.oneOf(`${at}.type`, type, ['InClusterConfig', 'KubeConfigFile'])
  if (type === 'InClusterConfig' && file)
    reader.invalid(`${at}.kubeConfigFile`, file, 'can only be set when type=KubeConfigFile')
  if (type !== 'KubeConfigFile') return undefined
  if (file === '') reader.required(`${at}.kubeConfigFile`)
  else if (!file.startsWith('/')) reader.invalid(`${at}.kubeConfigFile`, file, 'must be an absolute path')
  return file
}

function matchConditions(
  reader: ConfigReader,
  at: string,
  conditions: readonly unknown[],
  compile: CompileExpression | undefined,
): Expression[] {
  if (conditions.length > MAX_CONDITIONS) {
    reader.problems.push(`${at}: Too many: ${conditions.length}: must have at most ${MAX_CONDITIONS} items`)
  }
  const seen = new Set<string>()
  return conditions.flatMap((condition, i) => {
    const path = `${at}[${i}].expression`
    const source = reader.text(path, reader.object(`${at}[${i}]`, condition)['expression'])
    if (source.trim() === '') reader.required(path)
    else if (seen.has(source)) reader.duplicate(path, source)
    seen.add(source)
    if (source.trim() === '') return []
    try {
      if (!compile) throw new Error('expressions are not understood by this server')
      return [compile(source, ['request'])]
    } catch (err) {
      reader.invalid(path, source, (err as Error).message)
      return []
    }
  })
}
