// The settings of single plug-ins, as an AdmissionConfiguration gives them (apiserver.config.k8s.io/v1). Everything is checked when it is
// read: a field that is wrong or unknown is named, with its path.

import { dirname, isAbsolute, resolve } from 'node:path'
import type { ScopeRule } from '../quota/usage.ts'
import { parseWebhookUsers, type WebhookUsers } from '../webhooks/webhook-users.ts'
import type { EventLimit, LimitType } from './event-rate-limit.ts'
import {
  LATEST,
  LEVEL_PROBLEM,
  type LevelVersion,
  type Mode,
  type PodSecuritySettings,
  parseLevel,
  parseVersion,
  VERSION_PROBLEM,
} from './pod-security/policy.ts'

/** What nobody may use in a namespace without a quota for it. */
export interface LimitedResource {
  readonly apiGroup?: string | undefined
  readonly resource: string
  readonly matchContains?: readonly string[] | undefined
  readonly matchScopes?: readonly ScopeRule[] | undefined
}

export interface PluginConfigurations {
  readonly PodSecurity?: PodSecuritySettings
  readonly EventRateLimit?: readonly EventLimit[]
  readonly ResourceQuota?: readonly LimitedResource[]
  /** As whom webhooks are called. */
  readonly MutatingAdmissionWebhook?: WebhookUsers
  readonly ValidatingAdmissionWebhook?: WebhookUsers
}

type Fields = Readonly<Record<string, unknown>>

/** `plugins[0].configuration.limits[1].qps: must be …` */
export class ConfigurationError extends Error {
  constructor(field: string, why: string) {
    super(`${field}: ${why}`)
    this.name = 'ConfigurationError'
  }
}

/** What other files hold that the configuration names. */
export interface OtherFiles {
  yaml(path: string): unknown
  text(path: string): string
}

/** @throws ConfigurationError */
export function parseAdmissionConfiguration(value: unknown, files: OtherFiles): PluginConfigurations {
  const whole = fields(value, 'AdmissionConfiguration', ['apiVersion', 'kind', 'plugins'])
  isOfType(whole, '', ['apiserver.config.k8s.io/v1'], ['AdmissionConfiguration'])
  const found: Record<string, unknown> = {}
  list(whole['plugins'], 'plugins').forEach((item, i) => {
    const at = `plugins[${i}]`
    const { name, path, configuration } = fields(item, at, ['name', 'path', 'configuration'])
    const plugin = text(name, `${at}.name`)
    if (Object.hasOwn(found, plugin)) throw new ConfigurationError(`${at}.name`, `${plugin} is there twice`)
    if (path && configuration) throw new ConfigurationError(at, 'path and configuration cannot be both set')
    const given = path ? files.yaml(text(path, `${at}.path`)) : configuration
    const where = path ? `${at}.path ${String(path)}` : `${at}.configuration`
    const parse = Object.hasOwn(PARSERS, plugin) ? PARSERS[plugin] : undefined
    // k8s: a plug-in without settings of its own ignores what is there.
    found[plugin] = given === undefined ? undefined : parse?.(given, where, files)
  })
  return found as PluginConfigurations
}

const PARSERS: Readonly<Record<string, (value: unknown, at: string, files: OtherFiles) => unknown>> = {
  PodSecurity: podSecurityOf,
  EventRateLimit: eventLimitsOf,
  ResourceQuota: limitedOf,
  MutatingAdmissionWebhook: webhookUsersOf,
  ValidatingAdmissionWebhook: webhookUsersOf,
}

const WEBHOOK_ADMISSION = ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1alpha1']

function webhookUsersOf(value: unknown, at: string, files: OtherFiles): WebhookUsers | undefined {
  const whole = fields(value, at, ['apiVersion', 'kind', 'kubeConfigFile'])
  isOfType(whole, at, WEBHOOK_ADMISSION, ['WebhookAdmissionConfiguration', 'WebhookAdmission'])
  const path = whole['kubeConfigFile']
  if (!path) return undefined
  const file = text(path, `${at}.kubeConfigFile`)
  if (!isAbsolute(file)) {
    throw new ConfigurationError(
      `${at}.kubeConfigFile`,
      `must be an absolute file path, but got ${JSON.stringify(file)}`,
    )
  }
  const readText = (name: string) => files.text(resolve(dirname(file), name))
  const fail = (field: string, why: string) => new ConfigurationError(`${at}.kubeConfigFile ${file}: ${field}`, why)
  return parseWebhookUsers(files.yaml(file), readText, fail)
}

const POD_SECURITY = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `pod-security.admission.config.k8s.io/${version}`)

function podSecurityOf(value: unknown, at: string): PodSecuritySettings {
  const whole = fields(value, at, ['apiVersion', 'kind', 'defaults', 'exemptions'])
  isOfType(whole, at, POD_SECURITY, ['PodSecurityConfiguration'])
  const modes = ['enforce', 'audit', 'warn'] as const
  const names = modes.flatMap((mode) => [mode, `${mode}-version`])
  const defaults = fields(whole['defaults'] ?? {}, `${at}.defaults`, names)
  const level = (mode: Mode): LevelVersion => {
    const [name, version] = [defaults[mode] ?? 'privileged', defaults[`${mode}-version`] ?? 'latest']
    const parsed = parseLevel(String(name))
    if (!parsed) throw new ConfigurationError(`${at}.defaults.${mode}`, LEVEL_PROBLEM)
    const since = version === 'latest' ? LATEST : parseVersion(String(version))
    if (since === undefined) throw new ConfigurationError(`${at}.defaults.${mode}-version`, VERSION_PROBLEM)
    return { level: parsed, version: since }
  }
  const exempt = fields(whole['exemptions'] ?? {}, `${at}.exemptions`, ['usernames', 'namespaces', 'runtimeClasses'])
  const exemptions = (key: string) => texts(exempt[key], `${at}.exemptions.${key}`)
  return {
    defaults: { enforce: level('enforce'), audit: level('audit'), warn: level('warn') },
    exempt: {
      usernames: exemptions('usernames'),
      namespaces: exemptions('namespaces'),
      runtimeClasses: exemptions('runtimeClasses'),
    },
  }
}

const LIMIT_TYPES: readonly LimitType[] = ['Server', 'Namespace', 'User', 'SourceAndObject']

function eventLimitsOf(value: unknown, at: string): EventLimit[] {
  const whole = fields(value, at, ['apiVersion', 'kind', 'limits'])
  isOfType(whole, at, ['eventratelimit.admission.k8s.io/v1alpha1'], ['Configuration'])
  const limits = list(whole['limits'], `${at}.limits`)
  if (limits.length === 0) throw new ConfigurationError(`${at}.limits`, 'must not be empty')
  return limits.map((item, i) => {
    const where = `${at}.limits[${i}]`
    const limit = fields(item, where, ['type', 'qps', 'burst', 'cacheSize'])
    const type = LIMIT_TYPES.find((name) => name === limit['type'])
    if (!type) throw new ConfigurationError(`${where}.type`, `must be one of ${LIMIT_TYPES.join(', ')}`)
    const positive = (key: string) => {
      const number = limit[key]
      if (!Number.isSafeInteger(number) || Number(number) <= 0) {
        throw new ConfigurationError(`${where}.${key}`, 'must be positive')
      }
      return Number(number)
    }
    const cacheSize = limit['cacheSize'] ? positive('cacheSize') : undefined
    return { type, qps: positive('qps'), burst: positive('burst'), cacheSize }
  })
}

const QUOTA_TYPES: readonly [string, string][] = [
  ['apiserver.config.k8s.io/v1', 'ResourceQuotaConfiguration'],
  ['resourcequota.admission.k8s.io/v1', 'Configuration'],
  ['resourcequota.admission.k8s.io/v1beta1', 'Configuration'],
]

function limitedOf(value: unknown, at: string): LimitedResource[] {
  const whole = fields(value, at, ['apiVersion', 'kind', 'limitedResources'])
  isOfType(
    whole,
    at,
    QUOTA_TYPES.map(([apiVersion]) => apiVersion),
    QUOTA_TYPES.map(([, kind]) => kind),
  )
  return list(whole['limitedResources'], `${at}.limitedResources`).map((item, i) => {
    const where = `${at}.limitedResources[${i}]`
    const limited = fields(item, where, ['apiGroup', 'resource', 'matchContains', 'matchScopes'])
    const matchScopes = list(limited['matchScopes'], `${where}.matchScopes`).map((scope, s) => {
      const rule = fields(scope, `${where}.matchScopes[${s}]`, ['scopeName', 'operator', 'values'])
      return {
        scopeName: text(rule['scopeName'], `${where}.matchScopes[${s}].scopeName`),
        operator: text(rule['operator'], `${where}.matchScopes[${s}].operator`),
        values: texts(rule['values'], `${where}.matchScopes[${s}].values`),
      }
    })
    return {
      apiGroup: limited['apiGroup'] === undefined ? '' : String(limited['apiGroup']),
      resource: text(limited['resource'], `${where}.resource`),
      matchContains: texts(limited['matchContains'], `${where}.matchContains`),
      matchScopes,
    }
  })
}

function fields(value: unknown, at: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigurationError(at, 'must be an object')
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown) throw new ConfigurationError(`${at}.${unknown}`, 'is not a field of it')
  return value as Fields
}

function isOfType(
  { apiVersion, kind }: Fields,
  at: string,
  versions: readonly string[],
  kinds: readonly string[],
): void {
  const where = at ? `${at}.` : ''
  if (!versions.includes(String(apiVersion))) {
    throw new ConfigurationError(`${where}apiVersion`, `must be ${versions.join(' or ')}`)
  }
  if (!kinds.includes(String(kind))) throw new ConfigurationError(`${where}kind`, `must be ${kinds.join(' or ')}`)
}

function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ConfigurationError(at, 'must be a list')
  return value
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw new ConfigurationError(at, 'must be a text that is not empty')
  return value
}

const texts = (value: unknown, at: string) => list(value, at).map((item, i) => text(item, `${at}[${i}]`))
