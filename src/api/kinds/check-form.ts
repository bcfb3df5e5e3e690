// Rules of form that the kinds of several groups share: paths below a domain, names of drivers, conditions.
import { duplicate, type FieldError, invalid, notSupported, required, tooLong } from '../meta/errors.ts'
import { dnsSubdomain, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { Condition } from '../types/meta.v1.ts'

/** Something is wrong with a value too long to be shown. */
export const invalidUnshown = (field: string, why: string): FieldError => ({
  type: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${why}`,
})

const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
const HTTP_PATH_RE = new RegExp(`^${HTTP_PATH}$`)

/** `acme.io/foo` */
export function checkDomainPath(errors: FieldError[], field: string, value: string | undefined): void {
  if (!value) {
    errors.push(required(field))
    return
  }
  const slash = value.indexOf('/')
  const [host, path] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)]
  if (host === '' || path === '') {
    errors.push(invalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    return
  }
  for (const problem of dnsSubdomain(host)) errors.push(invalid(field, host, problem))
  if (!HTTP_PATH_RE.test(path)) {
    errors.push(invalid(field, path, `Invalid path (regex used for validation is '${HTTP_PATH}')`))
  }
}

const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?'
const REASON_RE = new RegExp(`^(?:${REASON})$`)
const REASON_SENTENCE =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' " +
  `(e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '${REASON}')`
const MAX_REASON = 1024
const MAX_MESSAGE = 32 * 1024

/** Conditions of the common type. */
export function checkConditionList(
  errors: FieldError[],
  field: string,
  conditions: readonly DeepReadonly<Partial<Condition>>[] | undefined,
): void {
  const types = new Set<string>()
  conditions?.forEach(({ type = '', status = '', observedGeneration = 0, ...rest }, i) => {
    const at = `${field}[${i}]`
    if (types.has(type)) errors.push(duplicate(`${at}.type`, type))
    types.add(type)
    for (const problem of qualifiedName(type)) errors.push(invalid(`${at}.type`, type, problem))
    if (!['True', 'False', 'Unknown'].includes(status)) {
      errors.push(notSupported(`${at}.status`, status, ['False', 'True', 'Unknown']))
    }
    if (observedGeneration < 0) {
      errors.push(invalid(`${at}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'))
    }
    if (!rest.lastTransitionTime) errors.push(required(`${at}.lastTransitionTime`))
    const { reason = '', message = '' } = rest
    if (reason === '') errors.push(required(`${at}.reason`))
    else {
      if (!REASON_RE.test(reason)) errors.push(invalid(`${at}.reason`, reason, REASON_SENTENCE))
      if (Buffer.byteLength(reason) > MAX_REASON) errors.push(tooLong(`${at}.reason`, MAX_REASON))
    }
    if (Buffer.byteLength(message) > MAX_MESSAGE) errors.push(tooLong(`${at}.message`, MAX_MESSAGE))
  })
}
