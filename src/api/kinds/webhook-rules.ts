// What the admission kinds share: defaults and rules of webhooks, of match rules and of where a webhook is.
import { duplicate, type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type {
  MatchResources,
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
  WebhookClientConfig,
} from '../types/admissionregistration.v1.ts'
import { checkOneOf, checkPresent, checkSelector } from './check.ts'

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

const FULL_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}$/

export function validateWebhooks(webhooks: readonly DeepReadonly<Webhook>[] | undefined): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set<string>()
  webhooks?.forEach((webhook, i) => {
    const at = `webhooks[${i}]`
    if (!webhook.name) errors.push(required(`${at}.name`))
    else if (!FULL_NAME.test(webhook.name)) {
      errors.push(
        invalid(`${at}.name`, webhook.name, 'should be a domain with at least three segments separated by dots'),
      )
    }
    if (names.has(webhook.name)) errors.push(duplicate(`${at}.name`, webhook.name))
    names.add(webhook.name)
    checkOneOf(errors, `${at}.sideEffects`, webhook.sideEffects, ['None', 'NoneOnDryRun'])
    if (!webhook.admissionReviewVersions?.length) {
      errors.push(required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1'))
    } else if (!webhook.admissionReviewVersions.some((v) => v === 'v1' || v === 'v1beta1')) {
      errors.push(
        invalid(
          `${at}.admissionReviewVersions`,
          webhook.admissionReviewVersions,
          'must include at least one of v1, v1beta1',
        ),
      )
    }
    checkRules(errors, `${at}.rules`, webhook.rules)
    checkOneOf(errors, `${at}.failurePolicy`, webhook.failurePolicy, ['Fail', 'Ignore'])
    checkOneOf(errors, `${at}.matchPolicy`, webhook.matchPolicy, ['Equivalent', 'Exact'])
    const seconds = webhook.timeoutSeconds
    if (seconds !== undefined && (seconds < 1 || seconds > 30)) {
      errors.push(invalid(`${at}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'))
    }
    checkSelector(errors, `${at}.namespaceSelector`, webhook.namespaceSelector)
    checkSelector(errors, `${at}.objectSelector`, webhook.objectSelector)
    if ('reinvocationPolicy' in webhook && webhook.reinvocationPolicy) {
      checkOneOf(errors, `${at}.reinvocationPolicy`, webhook.reinvocationPolicy, ['IfNeeded', 'Never'])
    }
    checkClientConfig(errors, `${at}.clientConfig`, webhook.clientConfig)
    checkConditions(errors, `${at}.matchConditions`, webhook.matchConditions)
  })
  return errors
}

export function checkClientConfig(
  errors: FieldError[],
  at: string,
  config: DeepReadonly<WebhookClientConfig> | undefined,
): void {
  const { url, service } = config ?? {}
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(at, 'exactly one of url or service is required'))
    return
  }
  if (url !== undefined) {
    if (!URL.canParse(url)) {
      errors.push(invalid(`${at}.url`, url, 'url must be a valid URL; desired format: https://host[/path]'))
      return
    }
    const parsed = new URL(url)
    const say = (why: string) => errors.push(invalid(`${at}.url`, url, `${why}; desired format: https://host[/path]`))
    if (parsed.protocol !== 'https:') {
      errors.push(
        invalid(
          `${at}.url`,
          parsed.protocol.slice(0, -1),
          "'https' is the only allowed URL scheme; desired format: https://host[/path]",
        ),
      )
    }
    if (parsed.username) say('user information is not permitted in the URL')
    if (parsed.hash) say('fragments are not permitted in the URL')
    if (parsed.search) say('query parameters are not permitted in the URL')
    return
  }
  checkPresent(errors, `${at}.service.name`, service?.name, 'service name is required')
  checkPresent(errors, `${at}.service.namespace`, service?.namespace, 'service namespace is required')
  const port = service?.port ?? 443
  if (port < 1 || port > 65535) {
    errors.push(invalid(`${at}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'))
  }
}

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']

function checkRules(
  errors: FieldError[],
  field: string,
  rules: readonly DeepReadonly<RuleWithOperations>[] | undefined,
): void {
  rules?.forEach((rule, i) => {
    const at = `${field}[${i}]`
    if (!rule.operations?.length) errors.push(required(`${at}.operations`))
    rule.operations?.forEach((operation, o) => {
      checkOneOf(errors, `${at}.operations[${o}]`, operation, OPERATIONS)
    })
    if ((rule.operations?.length ?? 0) > 1 && rule.operations?.includes('*')) {
      errors.push(invalid(`${at}.operations`, rule.operations, "if '*' is present, must not specify other operations"))
    }
    for (const key of ['apiGroups', 'apiVersions', 'resources'] as const) {
      const values = rule[key]
      if (!values?.length) errors.push(required(`${at}.${key}`))
      else if (values.length > 1 && values.includes('*') && key !== 'resources') {
        errors.push(invalid(`${at}.${key}`, values, `if '*' is present, must not specify other ${words(key)}`))
      }
    }
    if (rule.scope) checkOneOf(errors, `${at}.scope`, rule.scope, ['*', 'Cluster', 'Namespaced'])
  })
}
const words = (key: 'apiGroups' | 'apiVersions') => (key === 'apiGroups' ? 'API groups' : 'API versions')

export function checkConditions(
  errors: FieldError[],
  field: string,
  conditions: readonly { readonly name?: string; readonly expression?: string }[] | undefined,
): void {
  const names = new Set<string>()
  conditions?.forEach((condition, i) => {
    checkPresent(errors, `${field}[${i}].expression`, condition.expression?.trim())
    if (!checkPresent(errors, `${field}[${i}].name`, condition.name)) return
    if (names.has(condition.name!)) errors.push(duplicate(`${field}[${i}].name`, condition.name))
    names.add(condition.name!)
  })
}

export function checkMatchResources(
  errors: FieldError[],
  at: string,
  match: DeepReadonly<MatchResources> | undefined,
  needsRules: boolean,
): void {
  if (!match) return
  checkOneOf(errors, `${at}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact'])
  checkSelector(errors, `${at}.namespaceSelector`, match.namespaceSelector)
  checkSelector(errors, `${at}.objectSelector`, match.objectSelector)
  if (needsRules && !match.resourceRules?.length) errors.push(required(`${at}.resourceRules`))
  checkRules(errors, `${at}.resourceRules`, match.resourceRules)
  checkRules(errors, `${at}.excludeResourceRules`, match.excludeResourceRules)
}

interface ParamRefLike {
  readonly name?: string
  readonly selector?: object
  readonly parameterNotFoundAction?: string
}

export function checkParamRef(errors: FieldError[], at: string, ref: ParamRefLike | undefined): void {
  if (!ref) return
  if (ref.name && ref.selector) {
    errors.push(forbiddenField(`${at}.name`, 'name and selector are mutually exclusive'))
  } else if (!ref.name && !ref.selector) {
    errors.push(required(at, 'one of name or selector must be specified'))
  }
  checkOneOf(errors, `${at}.parameterNotFoundAction`, ref.parameterNotFoundAction, ['Allow', 'Deny'])
}

/** `v1/ConfigMap`, or `<unset>`. */
export const paramKindText = (kind: { readonly apiVersion?: string; readonly kind?: string } | undefined): string =>
  kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>'

/** `namespace/name`, `*` or a selector. */
export function paramRefText(ref: (ParamRefLike & { readonly namespace?: string }) | undefined): string {
  if (!ref) return '<unset>'
  if (ref.name) return ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name
  return '<selector>'
}
