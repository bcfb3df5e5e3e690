// What the admission kinds share: defaults and rules of webhooks, of match rules and of where a webhook is.
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required, tooMany } from '../meta/errors.ts'
import { dns1035Label, dnsSubdomain, pathSegment, portNumber, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type {
  MatchResources,
  MutatingWebhook,
  NamedRuleWithOperations,
  RuleWithOperations,
  ValidatingWebhook,
  WebhookClientConfig,
} from '../types/admissionregistration.v1.ts'
import type { LabelSelector } from '../types/meta.v1.ts'
import { checkSelector } from './check.ts'

type Webhook = ValidatingWebhook | MutatingWebhook

export function defaultWebhooks(webhooks: Webhook[] | undefined): void {
  for (const webhook of webhooks ?? []) {
    webhook.failurePolicy ||= 'Fail'
    webhook.matchPolicy ||= 'Equivalent'
    webhook.namespaceSelector ??= {}
    webhook.objectSelector ??= {}
    webhook.timeoutSeconds ??= 10
    defaultRules(webhook.rules)
    defaultClientConfig(webhook.clientConfig)
  }
}

export function defaultClientConfig(config: WebhookClientConfig | undefined): void {
  if (config?.service) config.service.port ??= 443
}

function defaultRules(rules: RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*'
}

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return
  match.matchPolicy ||= 'Equivalent'
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  defaultRules(match.resourceRules)
  defaultRules(match.excludeResourceRules)
}

const SIDE_EFFECTS = ['None', 'NoneOnDryRun']
const ALL_SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown']
const REVIEW_VERSIONS = ['v1', 'v1beta1']
const FAILURE_POLICIES = ['Fail', 'Ignore']
const MATCH_POLICIES = ['Equivalent', 'Exact']
const REINVOCATIONS = ['IfNeeded', 'Never']

type Webhooks = readonly DeepReadonly<Webhook>[]

/** What was let in once may stay: a rule that the old webhooks break isn't held against the new ones. */
export function validateWebhooks(webhooks: Webhooks | undefined, old?: Webhooks): FieldError[] {
  const errors: FieldError[] = []
  const harmless = old?.every(({ sideEffects }) => SIDE_EFFECTS.includes(sideEffects ?? '')) ?? true
  const readable = old?.every(({ admissionReviewVersions: v = [] }) => v.length === 0 || understands(v)) ?? true
  const named = !old || new Set(old.map(({ name }) => name)).size === old.length
  const names = new Set<string>()
  webhooks?.forEach((webhook, i) => {
    const at = `webhooks[${i}]`
    checkWebhook(errors, at, webhook, harmless ? SIDE_EFFECTS : ALL_SIDE_EFFECTS)
    checkReviewVersions(errors, `${at}.admissionReviewVersions`, webhook.admissionReviewVersions, readable)
    if (named && webhook.name && names.has(webhook.name)) errors.push(duplicate(`${at}.name`, webhook.name))
    names.add(webhook.name)
  })
  return errors
}

const understands = (versions: readonly string[]) => versions.some((version) => REVIEW_VERSIONS.includes(version))

/** An absent value is left to the defaults. */
function checkKnown(errors: FieldError[], field: string, value: string | undefined, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value)) errors.push(notSupported(field, value, known))
}

function checkWebhook(
  errors: FieldError[],
  at: string,
  webhook: DeepReadonly<Webhook>,
  sideEffects: readonly string[],
): void {
  checkFullName(errors, `${at}.name`, webhook.name)
  webhook.rules?.forEach((rule, i) => {
    checkRule(errors, `${at}.rules[${i}]`, rule)
  })
  checkKnown(errors, `${at}.failurePolicy`, webhook.failurePolicy, FAILURE_POLICIES)
  checkKnown(errors, `${at}.matchPolicy`, webhook.matchPolicy, MATCH_POLICIES)
  if (webhook.sideEffects === undefined) {
    errors.push(required(`${at}.sideEffects`, `must specify one of ${sideEffects.join(', ')}`))
  } else checkKnown(errors, `${at}.sideEffects`, webhook.sideEffects, sideEffects)
  const seconds = webhook.timeoutSeconds
  if (seconds !== undefined && (seconds < 1 || seconds > 30)) {
    errors.push(invalid(`${at}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'))
  }
  checkSelector(errors, `${at}.namespaceSelector`, webhook.namespaceSelector)
  checkSelector(errors, `${at}.objectSelector`, webhook.objectSelector)
  if ('reinvocationPolicy' in webhook) {
    checkKnown(errors, `${at}.reinvocationPolicy`, webhook.reinvocationPolicy, REINVOCATIONS)
  }
  checkClientConfig(errors, `${at}.clientConfig`, webhook.clientConfig)
  checkConditions(errors, `${at}.matchConditions`, webhook.matchConditions)
}

/** A domain of three segments. */
function checkFullName(errors: FieldError[], field: string, name: string | undefined): void {
  if (!name) {
    errors.push(required(field))
    return
  }
  const problems = dnsSubdomain(name)
  if (problems.length > 0) errors.push(invalid(field, name, problems.join(',')))
  else if (name.split('.').length < 3) {
    errors.push(invalid(field, name, 'should be a domain with at least three segments separated by dots'))
  }
}

function checkReviewVersions(
  errors: FieldError[],
  field: string,
  versions: readonly string[] | undefined,
  readable: boolean,
): void {
  const known = REVIEW_VERSIONS.join(', ')
  if (!versions?.length) {
    errors.push(required(field, `must specify one of ${known}`))
    return
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalid(`${field}[${i}]`, version, 'duplicate version'))
    else for (const problem of dns1035Label(version)) errors.push(invalid(`${field}[${i}]`, version, problem))
  })
  if (readable && !understands(versions)) {
    errors.push(invalid(field, versions, `must include at least one of ${known}`))
  }
}

export function checkClientConfig(
  errors: FieldError[],
  at: string,
  config: DeepReadonly<WebhookClientConfig> | undefined,
): void {
  const { url, service } = config ?? {}
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(at, 'exactly one of url or service is required'))
  } else if (url !== undefined) checkUrl(errors, `${at}.url`, url)
  else if (service) checkService(errors, `${at}.service`, service)
}

const FORM = '; desired format: https://host[/path]'

function checkUrl(errors: FieldError[], field: string, url: string): void {
  const [, scheme = '', rest = url] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(url) ?? []
  const hasHost = rest.startsWith('//')
  const authority = hasHost ? (/^\/\/([^/?#]*)/.exec(rest)?.[1] ?? '') : ''
  if (hasHost && authority !== '' && !URL.canParse(`https:${rest}`)) {
    errors.push(required(field, `url must be a valid URL: parse ${JSON.stringify(url)}: invalid URL${FORM}`))
    return
  }
  const say = (shown: string, why: string) => errors.push(invalid(field, shown, why))
  const user = authority.includes('@') ? authority.slice(0, authority.lastIndexOf('@')) : undefined
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const [before = '', fragment = ''] = [rest.split('#')[0], rest.split('#').slice(1).join('#')]
  const query = before.includes('?') ? before.slice(before.indexOf('?') + 1) : ''
  if (scheme.toLowerCase() !== 'https') say(scheme.toLowerCase(), `'https' is the only allowed URL scheme${FORM}`)
  if (host === '') say(host, `host must be specified${FORM}`)
  if (user !== undefined) say(user, 'user information is not permitted in the URL')
  if (fragment !== '') say(fragment, 'fragments are not permitted in the URL')
  if (query !== '') say(query, 'query parameters are not permitted in the URL')
}

function checkService(
  errors: FieldError[],
  at: string,
  service: NonNullable<DeepReadonly<WebhookClientConfig>['service']>,
): void {
  // k8s: the two are told by each other's name
  if (!service.namespace) errors.push(required(`${at}.name`))
  if (!service.name) errors.push(required(`${at}.namespace`))
  const port = service.port ?? 443
  const problems = portNumber(port)
  if (problems.length > 0) errors.push(invalid(`${at}.port`, port, `port is not valid: ${problems.join(', ')}`))
  const path = service.path ?? ''
  const say = (why: string) => errors.push(invalid(`${at}.path`, path, why))
  if (path === '' || path === '/') return
  if (path === '//') {
    say('segment[0] may not be empty')
    return
  }
  if (!path.startsWith('/')) say("must start with a '/'")
  const steps = path.slice(1).replace(/\/$/, '').split('/')
  steps.forEach((step, i) => {
    if (step === '') say(`segment[${i}] may not be empty`)
    else for (const problem of dnsSubdomain(step)) say(`segment[${i}]: ${problem}`)
  })
}

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
const SCOPES = ['*', 'Cluster', 'Namespaced']

function checkRule(errors: FieldError[], at: string, rule: DeepReadonly<RuleWithOperations>): void {
  const alone = (key: 'operations' | 'apiGroups' | 'apiVersions', what: string) => {
    const values: readonly string[] = rule[key] ?? []
    if (values.length === 0) errors.push(required(`${at}.${key}`))
    if (values.length > 1 && values.includes('*')) {
      errors.push(invalid(`${at}.${key}`, values, `if '*' is present, must not specify other ${what}`))
    }
  }
  alone('operations', 'operations')
  rule.operations?.forEach((operation, i) => {
    checkKnown(errors, `${at}.operations[${i}]`, operation, OPERATIONS)
  })
  alone('apiGroups', 'API groups')
  alone('apiVersions', 'API versions')
  rule.apiVersions?.forEach((version, i) => {
    if (version === '') errors.push(required(`${at}.apiVersions[${i}]`))
  })
  checkRuleResources(errors, `${at}.resources`, rule.resources ?? [])
  checkKnown(errors, `${at}.scope`, rule.scope, SCOPES)
}

// `*`, `pods`, `pods/*`, `*/scale`: none of them says what another one says already.
function checkRuleResources(errors: FieldError[], field: string, resources: readonly string[]): void {
  if (resources.length === 0) errors.push(required(field))
  const wholes = new Set<string>()
  const parts = new Set<string>()
  let bare = false
  resources.forEach((entry, i) => {
    if (entry === '') {
      errors.push(required(`${field}[${i}]`))
      return
    }
    const slash = entry.indexOf('/')
    if (slash < 0) {
      bare = entry !== '*'
      return
    }
    const [resource, sub] = [entry.slice(0, slash), entry.slice(slash + 1)]
    const covered = (by: string) =>
      errors.push(invalid(`${field}[${i}]`, entry, `if '${by}' is present, must not specify ${entry}`))
    if (wholes.has(resource)) covered(`${resource}/*`)
    if (parts.has(sub)) covered(`*/${sub}`)
    if (sub === '*') wholes.add(resource)
    if (resource === '*') parts.add(sub)
  })
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(invalid(field, resources, "if '*/*' is present, must not specify other resources"))
  }
  if (resources.includes('*') && bare) {
    const why = "if '*' is present, must not specify other resources without subresources"
    errors.push(invalid(field, resources, why))
  }
}

const MAX_CONDITIONS = 64

export function checkConditions(
  errors: FieldError[],
  field: string,
  conditions: readonly { readonly name?: string; readonly expression?: string }[] | undefined,
): void {
  const names = new Set<string>()
  const count = conditions?.length ?? 0
  if (count > MAX_CONDITIONS) errors.push(tooMany(field, count, MAX_CONDITIONS))
  conditions?.forEach(({ name = '', expression = '' }, i) => {
    if (expression.trim() === '') errors.push(required(`${field}[${i}].expression`))
    if (name === '') {
      errors.push(required(`${field}[${i}].name`))
      return
    }
    for (const problem of qualifiedName(name)) errors.push(invalid(`${field}[${i}].name`, name, problem))
    if (names.has(name)) errors.push(duplicate(`${field}[${i}].name`, name))
    names.add(name)
  })
}

const RESERVED_NAMES: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** The variables of a policy: names that the language has room for. */
export function checkVariables(
  errors: FieldError[],
  field: string,
  variables: readonly { readonly name?: string; readonly expression?: string }[] | undefined,
): void {
  variables?.forEach(({ name = '', expression = '' }, i) => {
    const at = `${field}[${i}]`
    if (name.trim() === '') errors.push(required(`${at}.name`, 'name is not specified'))
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || RESERVED_NAMES.has(name)) {
      errors.push(invalid(`${at}.name`, name, 'name is not a valid CEL identifier'))
    }
    if (expression.trim() === '') errors.push(required(`${at}.expression`, 'expression is not specified'))
  })
}

export function checkMatchResources(
  errors: FieldError[],
  at: string,
  match: DeepReadonly<MatchResources> | undefined,
  needsRules: boolean,
): void {
  if (!match) return
  checkKnown(errors, `${at}.matchPolicy`, match.matchPolicy, MATCH_POLICIES)
  checkSelector(errors, `${at}.namespaceSelector`, match.namespaceSelector)
  checkSelector(errors, `${at}.objectSelector`, match.objectSelector)
  for (const key of ['resourceRules', 'excludeResourceRules'] as const) {
    match[key]?.forEach((rule, i) => {
      checkNamedRule(errors, `${at}.${key}[${i}]`, rule)
    })
  }
  if (needsRules && !match.resourceRules?.length) errors.push(required(`${at}.resourceRules`))
}

function checkNamedRule(errors: FieldError[], at: string, rule: DeepReadonly<NamedRuleWithOperations>): void {
  rule.resourceNames?.forEach((name, i) => {
    const field = `${at}.resourceNames[${i}]`
    for (const problem of pathSegment(name)) errors.push(invalid(field, name, problem))
    if (rule.resourceNames!.indexOf(name) < i) errors.push(duplicate(field, name))
  })
  checkRule(errors, at, rule)
}

/** The kind of a policy's parameters. */
export function checkParamKind(
  errors: FieldError[],
  at: string,
  kind: { readonly apiVersion?: string; readonly kind?: string } | undefined,
): void {
  if (!kind) return
  const { apiVersion = '', kind: name = '' } = kind
  const say = (shown: string, why: string) => errors.push(invalid(`${at}.apiVersion`, shown, why))
  const parts = apiVersion.split('/')
  if (apiVersion === '') errors.push(required(`${at}.apiVersion`))
  else if (parts.length > 2) say(apiVersion, `unexpected GroupVersion string: ${apiVersion}`)
  else {
    const [group, version] = parts.length === 2 ? parts : ['', apiVersion === '/' ? '' : apiVersion]
    const groupProblems = group ? dnsSubdomain(group) : []
    if (group && groupProblems.length > 0) say(group, groupProblems.join(','))
    const versionProblems = version ? dns1035Label(version) : []
    if (!version) say(apiVersion, 'version must be specified')
    else if (versionProblems.length > 0) say(version, versionProblems.join(','))
  }
  if (name === '') errors.push(required(`${at}.kind`))
  else {
    const problems = dns1035Label(name.toLowerCase())
    if (problems.length > 0) {
      const why = `may have mixed case, but should otherwise match: ${problems.join(',')}`
      errors.push(invalid(`${at}.kind`, name, why))
    }
  }
}

interface ParamRefLike {
  readonly name?: string
  readonly selector?: LabelSelector
  readonly parameterNotFoundAction?: string
}

export function checkParamRef(errors: FieldError[], at: string, ref: DeepReadonly<ParamRefLike> | undefined): void {
  if (!ref) return
  const { name, selector, parameterNotFoundAction: action } = ref
  const both = 'name and selector are mutually exclusive'
  if (name) {
    for (const problem of pathSegment(name)) errors.push(invalid(`${at}.name`, name, problem))
    if (selector) errors.push(forbiddenField(`${at}.name`, both))
  }
  checkSelector(errors, `${at}.selector`, selector)
  if (selector && name) errors.push(forbiddenField(`${at}.selector`, both))
  if (!name && !selector) errors.push(required(at, 'one of name or selector must be specified'))
  if (!action) errors.push(required(`${at}.parameterNotFoundAction`))
  else checkKnown(errors, `${at}.parameterNotFoundAction`, action, ['Deny', 'Allow'])
}

/** `v1/ConfigMap`, or `<unset>`. */
export const paramKindText = (kind: { readonly apiVersion?: string; readonly kind?: string } | undefined): string =>
  kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>'

/** `namespace/name`, `*` or a selector. */
export function paramRefText(ref: DeepReadonly<ParamRefLike & { namespace?: string }> | undefined): string {
  if (!ref) return '<unset>'
  if (ref.name) return ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name
  return '<selector>'
}
