// The small vocabulary in which kinds write their validation: each function appends to `errors` what is wrong with one field.
// k8s: the sentences are the standard's.
import { parseAddress, parseNetwork } from '../meta/addresses.ts'
import { semanticEqual } from '../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, percent, portName, portNumber, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { validateLabels } from '../meta/object-meta.ts'
import type { LabelSelector } from '../types/meta.v1.ts'

export type Errors = FieldError[]
type Rule = (value: string) => string[]

export const IMMUTABLE = 'field is immutable'

/** `rule` on a value that may be absent; `required` says so when it is. */
export function checkName(
  errors: Errors,
  field: string,
  value: string | undefined,
  rule: Rule,
  optional = false,
): void {
  if (!value) {
    if (!optional) errors.push(required(field))
    return
  }
  for (const problem of rule(value)) errors.push(invalid(field, value, problem))
}
export const checkSubdomain = (errors: Errors, field: string, value: string | undefined, optional = false) =>
  checkName(errors, field, value, dnsSubdomain, optional)
export const checkLabel = (errors: Errors, field: string, value: string | undefined, optional = false) =>
  checkName(errors, field, value, dnsLabel, optional)
export const checkQualified = (errors: Errors, field: string, value: string | undefined, optional = false) =>
  checkName(errors, field, value, qualifiedName, optional)

export function checkOneOf(
  errors: Errors,
  field: string,
  value: string | undefined,
  supported: readonly string[],
  optional = false,
): void {
  if (value === undefined || value === '') {
    if (!optional) errors.push(required(field))
  } else if (!supported.includes(value)) {
    errors.push(notSupported(field, value, [...supported].sort()))
  }
}

/** As `checkOneOf`, but the known values are told in the order given. k8s: some lists are sorted, some are not. */
export function checkListed(
  errors: Errors,
  field: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (value === undefined || value === '') errors.push(required(field))
  else if (!supported.includes(value)) errors.push(notSupported(field, value, supported))
}

export function checkNonNegative(errors: Errors, field: string, value: number | undefined): void {
  if (value !== undefined && value < 0) {
    errors.push(invalid(field, value, 'must be greater than or equal to 0'))
  }
}

export function checkPositive(errors: Errors, field: string, value: number | undefined): void {
  if (value !== undefined && value <= 0) errors.push(invalid(field, value, 'must be greater than zero'))
}

export function checkRange(errors: Errors, field: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && (value < min || value > max)) {
    errors.push(invalid(field, value, `must be between ${min} and ${max}, inclusive`))
  }
}

/** A required list, string or object. */
export function checkPresent(errors: Errors, field: string, value: unknown, why = ''): boolean {
  const present = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== ''
  if (!present) errors.push(required(field, why))
  return present
}

export function checkImmutable(errors: Errors, field: string, value: unknown, old: unknown, why = IMMUTABLE): void {
  if (!semanticEqual(value, old)) errors.push(invalid(field, value, why))
}

/** Says `Duplicate value` for every repetition of a key; `fieldOf` gives the path of the n-th item. */
export function checkUnique<T>(
  errors: Errors,
  items: readonly T[] | undefined,
  keyOf: (item: T) => string | undefined,
  fieldOf: (index: number) => string,
): void {
  const seen = new Set<string>()
  items?.forEach((item, i) => {
    const key = keyOf(item)
    if (!key) return
    if (seen.has(key)) errors.push(duplicate(fieldOf(i), key))
    seen.add(key)
  })
}

/** A port by number or by name. An absent one is the number 0. */
export function checkPort(errors: Errors, field: string, value: number | string | undefined): void {
  const port = value ?? 0
  const problems = typeof port === 'number' ? portNumber(port) : portName(port)
  for (const problem of problems) errors.push(invalid(field, port, problem))
}

/** @param kept values that the field held before: they may stay, whatever they are */
export function checkIp(
  errors: Errors,
  field: string,
  value: string | undefined,
  kept: readonly (string | undefined)[] = [],
): void {
  if (value !== undefined && kept.includes(value)) return
  const text = value ?? ''
  const address = parseAddress(text)
  if (!address) {
    errors.push(invalid(field, text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'))
  } else if (address.leadingZeros) errors.push(invalid(field, text, 'must not have leading 0s'))
  else if (address.mapped) errors.push(invalid(field, text, 'must not be an IPv4-mapped IPv6 address'))
}

export function checkCidr(
  errors: Errors,
  field: string,
  value: string | undefined,
  kept: readonly (string | undefined)[] = [],
): void {
  if (value !== undefined && kept.includes(value)) return
  const text = value ?? ''
  const network = parseNetwork(text)
  if (!network) {
    errors.push(invalid(field, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'))
  } else if (network.leadingZeros) {
    errors.push(invalid(field, text, 'must not have leading 0s in IP or prefix length'))
  } else if (network.address.mapped) {
    errors.push(invalid(field, text, 'must not have an IPv4-mapped IPv6 address'))
  } else if (network.hostBits) {
    errors.push(invalid(field, text, 'must not have bits set beyond the prefix length'))
  }
}

/** Not negative; a text must be a percentage, of at most 100 where `max100`. */
export function checkIntOrPercent(
  errors: Errors,
  field: string,
  value: number | string | undefined,
  max100: boolean,
): void {
  if (value === undefined) return
  if (typeof value === 'number') {
    checkNonNegative(errors, field, value)
    return
  }
  const problems = percent(value)
  for (const problem of problems) errors.push(invalid(field, value, problem))
  if (max100 && problems.length === 0 && Number(value.slice(0, -1)) > 100) {
    errors.push(invalid(field, value, 'must not be greater than 100%'))
  }
}

/** The LabelSelector of a spec. Its absence is for the caller to judge. */
export function checkSelector(errors: Errors, field: string, selector: DeepReadonly<LabelSelector> | undefined): void {
  errors.push(...validateLabels(selector?.matchLabels, `${field}.matchLabels`))
  selector?.matchExpressions?.forEach(({ key, operator, values = [] }, i) => {
    const path = `${field}.matchExpressions[${i}]`
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
      errors.push(
        forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      )
    } else if (!['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator)) {
      errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
    }
    for (const problem of qualifiedName(key ?? '')) errors.push(invalid(`${path}.key`, key, problem))
    values.forEach((value, at) => {
      for (const { message, ...rest } of validateLabels({ a: value }, `${path}.values[${at}]`)) {
        errors.push({ ...rest, message })
      }
    })
  })
}

export const selectorIsEmpty = (selector: DeepReadonly<LabelSelector> | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions?.length ?? 0) === 0
