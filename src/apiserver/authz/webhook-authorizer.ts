// Asks a web service whether somebody may, by SubjectAccessReview. Answers are remembered for a while, yes longer than no; questions with
// overlong texts are not. When the service can't be asked, the failure policy decides. k8s: kube-apiserver's webhook authoriser.
import { parseFieldSelector } from '../../api/meta/field-selector.ts'
import { parseSelector } from '../../api/meta/label-selector.ts'
import type { SubjectAccessReviewSpec, SubjectAccessReviewStatus } from '../../api/types/authorization.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import { persistently, type SendReview } from '../webhooks/persistently.ts'
import type { Attributes, AuthorizerModule, Opinion } from './attributes.ts'
import type { WebhookSettings } from './authorization-config.ts'

const MAX_REMEMBERED = 8192
/** k8s: of what a client can choose freely. */
const MAX_REMEMBERED_CHARS = 10_000

interface Remembered {
  readonly status: SubjectAccessReviewStatus
  readonly untilMs: number
}

export class WebhookAuthorizer implements AuthorizerModule {
  readonly name: string
  readonly #settings: WebhookSettings
  readonly #send: SendReview
  readonly #clock: Clock
  readonly #remembered = new Map<string, Remembered>()

  constructor(settings: WebhookSettings, send: SendReview, clock: Clock) {
    this.name = settings.name
    this.#settings = settings
    this.#send = send
    this.#clock = clock
  }

  authorize(user: UserInfo, attributes: Attributes): Opinion | Promise<Opinion> {
    const spec = reviewSpec(user, attributes)
    let concerned: boolean
    try {
      concerned = this.#concerns(spec)
    } catch (err) {
      return this.#failed(err as Error)
    }
    if (!concerned) return undefined
    const key = JSON.stringify(spec)
    const known = this.#remembered.get(key)
    if (known && known.untilMs > this.#clock.now()) return opinionOf(known.status)
    return this.#ask(spec, key, attributes)
  }

  /** k8s: one condition that is false settles it, whatever others fail. */
  #concerns(spec: SubjectAccessReviewSpec): boolean {
    let failure: unknown
    for (const condition of this.#settings.matchConditions) {
      try {
        if (condition.evaluate({ request: spec }) !== true) return false
      } catch (err) {
        failure ??= err
      }
    }
    if (failure) throw failure
    return true
  }

  async #ask(spec: SubjectAccessReviewSpec, key: string, attributes: Attributes): Promise<Opinion> {
    const { version, authorizedTtlMs, unauthorizedTtlMs, cacheAuthorized, cacheUnauthorized } = this.#settings
    const sent = version === 'v1' ? spec : { ...spec, groups: undefined, group: spec.groups }
    const review = {
      apiVersion: `authorization.k8s.io/${version}`,
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: sent,
    }
    let status: SubjectAccessReviewStatus
    try {
      const answer = (await persistently(this.#clock, () => this.#send(review))) as {
        status?: SubjectAccessReviewStatus
      } | null
      status = answer?.status ?? { allowed: false }
    } catch (err) {
      return this.#failed(err as Error)
    }
    const ttlMs = status.allowed ? authorizedTtlMs : unauthorizedTtlMs
    const remember = status.allowed ? cacheAuthorized : cacheUnauthorized
    if (remember && charsOf(attributes) < MAX_REMEMBERED_CHARS) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!)
      this.#remembered.set(key, { status, untilMs: this.#clock.now() + ttlMs })
    }
    return opinionOf(status)
  }

  #failed(err: Error): Opinion {
    const denied = this.#settings.failurePolicy === 'Deny'
    return { allowed: false, ...(denied ? { denied } : {}), reason: '', error: err.message }
  }
}

function opinionOf({ allowed, denied, reason = '' }: SubjectAccessReviewStatus): Opinion {
  if (denied) {
    const both = 'webhook subject access review returned both allow and deny response'
    return { allowed: false, denied, reason, ...(allowed ? { error: both } : {}) }
  }
  return { allowed: allowed === true, reason }
}

function charsOf({ namespace, verb, group, version = '', resource, subresource, name, path }: Attributes): number {
  return [namespace, verb, group, version, resource, subresource, name, path].reduce(
    (sum, text) => sum + text.length,
    0,
  )
}

export function reviewSpec(user: UserInfo, attributes: Attributes): SubjectAccessReviewSpec {
  const extra = user.extra && Object.fromEntries(Object.entries(user.extra).map(([key, list]) => [key, [...list]]))
  return {
    ...(attributes.isResource
      ? { resourceAttributes: resourceAttributes(attributes) }
      : { nonResourceAttributes: { path: attributes.path, verb: attributes.verb } }),
    user: user.name,
    groups: [...user.groups],
    ...(extra ? { extra } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
  }
}

function resourceAttributes(attributes: Attributes) {
  const { namespace, verb, group, version = '', resource, subresource, name } = attributes
  const given = Object.entries({ namespace, verb, group, version, resource, subresource, name })
  const fields = attributes.fieldSelector ? fieldRequirements(attributes.fieldSelector) : []
  const labels = attributes.labelSelector ? labelRequirements(attributes.labelSelector) : []
  return {
    ...Object.fromEntries(given.filter(([, value]) => value !== '')),
    ...(fields.length > 0 ? { fieldSelector: { requirements: fields } } : {}),
    ...(labels.length > 0 ? { labelSelector: { requirements: labels } } : {}),
  }
}

/** k8s: a selector that can't be read narrows nothing. */
function fieldRequirements(text: string) {
  try {
    return parseFieldSelector(text).map(({ field, equal, value }) => {
      return { key: field, operator: equal ? 'In' : 'NotIn', values: [value] }
    })
  } catch {
    return []
  }
}

function labelRequirements(text: string) {
  try {
    return parseSelector(text).requirements.flatMap(({ key, operator, values }) => {
      if (operator === 'Gt' || operator === 'Lt') return []
      return [{ key, operator, ...(values.length > 0 ? { values: [...values] } : {}) }]
    })
  } catch {
    return []
  }
}
