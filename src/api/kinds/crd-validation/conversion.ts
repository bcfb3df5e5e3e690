// How a definition has its versions converted. k8s: the rules, their sentences, and their old names of fields.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts'
import { dns1035Label } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { CustomResourceConversion } from '../../types/apiextensions.v1.ts'
import { checkClientConfig } from '../webhook-rules.ts'

const PATH = 'spec.conversion'
const CONFIG = `${PATH}.webhookClientConfig`
const VERSIONS = `${PATH}.conversionReviewVersions`

export function conversionErrors(
  conversion: DeepReadonly<CustomResourceConversion> | undefined,
  requireKnownVersion: boolean,
): FieldError[] {
  if (!conversion) return []
  const errors: FieldError[] = []
  const { strategy, webhook } = conversion
  if (!strategy) errors.push(required(`${PATH}.strategy`))
  else if (strategy !== 'None' && strategy !== 'Webhook') {
    errors.push(notSupported(`${PATH}.strategy`, strategy, ['None', 'Webhook']))
  }
  const why = 'should not be set when strategy is not set to Webhook'
  if (strategy !== 'Webhook') {
    if (webhook?.clientConfig) errors.push(forbiddenField(CONFIG, why))
    if (webhook?.conversionReviewVersions?.length) errors.push(forbiddenField(VERSIONS, why))
    return errors
  }
  if (!webhook?.clientConfig) errors.push(required(CONFIG, 'required when strategy is set to Webhook'))
  else if ((webhook.clientConfig.url === undefined) === (webhook.clientConfig.service === undefined)) {
    errors.push(required(CONFIG, 'exactly one of url or service is required'))
  } else checkClientConfig(errors, CONFIG, webhook.clientConfig)
  errors.push(...reviewVersionErrors(webhook?.conversionReviewVersions ?? [], requireKnownVersion))
  return errors
}

const KNOWN = ['v1', 'v1beta1']
export const hasKnownVersion = (versions: readonly string[] | undefined) =>
  !versions?.length || versions.some((version) => KNOWN.includes(version))

function reviewVersionErrors(versions: readonly string[], requireKnown: boolean): FieldError[] {
  if (versions.length === 0) return [required(VERSIONS)]
  const errors: FieldError[] = []
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalid(`${VERSIONS}[${i}]`, version, 'duplicate version'))
    else for (const problem of dns1035Label(version)) errors.push(invalid(`${VERSIONS}[${i}]`, version, problem))
  })
  if (requireKnown && !hasKnownVersion(versions)) {
    errors.push(invalid(VERSIONS, versions, `must include at least one of ${KNOWN.join(', ')}`))
  }
  return errors
}
