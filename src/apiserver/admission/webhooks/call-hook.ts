// One call of one webhook: may it be called at all (dry run), the question, the answer, and what it means. Failures are values of
// three kinds: the webhook could not be asked, it refused, or something here went wrong.
import { badRequest, type StatusError, serviceUnavailable } from '../../../api/meta/errors.ts'
import { CallFailed } from '../../webhooks/call-errors.ts'
import { type ClientConfig, targetOf, type WebhookClient } from '../../webhooks/client.ts'
import { credentialsFor, type WebhookUsers } from '../../webhooks/webhook-users.ts'
import type { AdmissionRequest } from '../admission.ts'
import type { Hook } from './hook.ts'
import { BadAnswer, refusal, reviewOf, reviewVersion, type ShownAs, type Verdict, verdictOf } from './review.ts'

export interface CallParts {
  /** As whom webhooks are called; anonymously without. */
  readonly users?: WebhookUsers | undefined
  readonly client: WebhookClient
  readonly newUid: () => string
}

/** The webhook could not be asked: its failurePolicy says what that means. */
export class HookUnavailable extends Error {
  readonly status: StatusError
  constructor(name: string, why: string, status: StatusError, options?: ErrorOptions) {
    super(`failed calling webhook ${JSON.stringify(name)}: ${why}`, options)
    this.name = 'HookUnavailable'
    this.status = status
  }
}

const NO_SIDE_EFFECTS: ReadonlySet<string> = new Set(['None', 'NoneOnDryRun'])
const DEFAULT_SECONDS = 10

/** @throws HookUnavailable; StatusError (BadRequest) when a dry run would not be one; the signal's reason */
export async function askHook(
  { client, newUid, users }: CallParts,
  { spec }: Hook,
  request: AdmissionRequest,
  shown: ShownAs,
  mutating: boolean,
): Promise<Verdict> {
  const { name } = spec
  if (request.dryRun && !NO_SIDE_EFFECTS.has(spec.sideEffects)) {
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`)
  }
  const version = reviewVersion(spec.admissionReviewVersions)
  if (!version) {
    const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)'
    const status = badRequest('error creating admission objects')
    throw new HookUnavailable(name, `could not create admission objects: ${why}`, status)
  }
  const uid = newUid()
  const review = reviewOf(version, uid, request, shown)
  const timeoutMs = (spec.timeoutSeconds ?? DEFAULT_SECONDS) * 1000
  try {
    const config = spec.clientConfig as ClientConfig
    const credentials = users && credentialsFor(users, targetOf(config))
    const more = credentials ? { credentials } : {}
    const answer = await client.post(config, review, { timeoutMs, signal: request.signal, ...more })
    return verdictOf(version, uid, mutating, answer)
  } catch (err) {
    if (err instanceof CallFailed) {
      throw new HookUnavailable(name, `failed to call webhook: ${err.message}`, err.status, { cause: err })
    }
    if (err instanceof BadAnswer) {
      const status = serviceUnavailable('error validating webhook response')
      throw new HookUnavailable(name, `received invalid webhook response: ${err.message}`, status, { cause: err })
    }
    throw err
  }
}

/** What every answer may bring along. @throws StatusError when the webhook refuses */
export function takeVerdict({ spec }: Hook, request: AdmissionRequest, verdict: Verdict): void {
  for (const [key, value] of Object.entries(verdict.auditAnnotations)) request.annotate(`${spec.name}/${key}`, value)
  for (const warning of verdict.warnings) if (warning !== '') request.warn(warning)
  if (!verdict.allowed) throw new Refused(spec.name, verdict)
}

/** The webhook said no; `status` is what the client is told. */
export class Refused extends Error {
  readonly status: StatusError
  constructor(name: string, verdict: Verdict) {
    const status = refusal(name, verdict.status)
    super(status.message)
    this.status = status
  }
}
