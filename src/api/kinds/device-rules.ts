// What claims for devices, their templates and classes of devices share: requests, constraints, configuration, tolerations.
import { type FieldError, invalid, notSupported, required, tooLong, tooMany } from '../meta/errors.ts'
import { cIdentifier, dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/resource.v1.ts'
import { checkName } from './check.ts'
import { checkDriverName } from './pod-validation/volume-sources.ts'

type Errors = FieldError[]
type Check<T> = (item: T, at: string) => void

const MAX_REQUESTS = 32
const MAX_SUBREQUESTS = 8
const MAX_SELECTORS = 32
const MAX_EXPRESSION_BYTES = 10 * 1024
const MAX_PARAMETER_BYTES = 10 * 1024
const MAX_IDENTIFIER = 32
const EFFECTS = ['NoExecute', 'NoSchedule', 'None']

export function defaultClaimSpec(spec: types.ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    for (const part of [...(request.exactly ? [request.exactly] : []), ...(request.firstAvailable ?? [])]) {
      part.allocationMode ||= 'ExactCount'
      if (part.allocationMode === 'ExactCount') part.count ||= 1
      for (const toleration of part.tolerations ?? []) toleration.operator ??= 'Equal'
    }
  }
}

/** Every item; a list that is too long isn't looked into. */
export function checkEach<T>(
  errors: Errors,
  field: string,
  items: readonly T[] | undefined,
  max: number,
  check: Check<T>,
): boolean {
  if (items && items.length > max) {
    errors.push(tooMany(field, items.length, max))
    return false
  }
  items?.forEach((item, i) => {
    check(item, `${field}[${i}]`)
  })
  return true
}

/** The same, and none twice. k8s: the item is named, not the field that tells it from others. */
export function checkSet<T>(
  errors: Errors,
  field: string,
  items: readonly T[] | undefined,
  max: number,
  keyOf: (item: T) => string,
  check: Check<T>,
): void {
  if (!checkEach(errors, field, items, max, check)) return
  const seen = new Set<string>()
  items?.forEach((item, i) => {
    const key = keyOf(item)
    if (seen.has(key)) {
      const message = `Duplicate value: ${JSON.stringify(key)}`
      errors.push({ type: 'FieldValueDuplicate', field: `${field}[${i}]`, message })
    }
    seen.add(key)
  })
}

export function checkDeviceLabel(errors: Errors, field: string, value: string | undefined): void {
  for (const problem of dnsLabel(value ?? '')) errors.push(invalid(field, value ?? '', problem))
}

export function validateClaimSpec(
  spec: DeepReadonly<types.ResourceClaimSpec> | undefined,
  field: string,
): FieldError[] {
  const errors: Errors = []
  const { requests, constraints, config } = spec?.devices ?? {}
  const names = requestNames(spec?.devices)
  const path = `${field}.devices`
  checkSet(
    errors,
    `${path}.requests`,
    requests,
    MAX_REQUESTS,
    ({ name }) => name ?? '',
    (request, at) => checkRequest(errors, at, request),
  )
  checkEach(errors, `${path}.constraints`, constraints, MAX_REQUESTS, (constraint, at) => {
    checkReferences(errors, `${at}.requests`, constraint.requests, names)
    const { matchAttribute, distinctAttribute } = constraint
    if (matchAttribute !== undefined) checkFullAttribute(errors, `${at}.matchAttribute`, matchAttribute)
    else if (distinctAttribute !== undefined) checkFullAttribute(errors, `${at}.distinctAttribute`, distinctAttribute)
    else {
      const why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
      errors.push(required(at, why))
    }
  })
  checkEach(errors, `${path}.config`, config, MAX_REQUESTS, (item, at) => {
    checkReferences(errors, `${at}.requests`, item.requests, names)
    checkConfiguration(errors, at, item)
  })
  return errors
}

/** `gpu`, and `gpu/large` of a request that names several possibilities. */
export function requestNames(claim: DeepReadonly<types.DeviceClaim> | undefined): ReadonlySet<string> {
  return new Set(
    (claim?.requests ?? []).flatMap(({ name, firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((part) => `${name}/${part.name}`),
    ]),
  )
}

const REFERENCE =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"

export function checkReference(errors: Errors, field: string, name: string, names: ReadonlySet<string>): void {
  const parts = name.split('/')
  if (parts.length > 2) {
    errors.push(invalid(field, name, REFERENCE))
    return
  }
  for (const part of parts) checkDeviceLabel(errors, field, part)
  if (!names.has(name)) errors.push(invalid(field, name, REFERENCE))
}

export function checkReferences(
  errors: Errors,
  field: string,
  requests: readonly string[] | undefined,
  names: ReadonlySet<string>,
): void {
  checkSet(
    errors,
    field,
    requests,
    MAX_REQUESTS,
    (name) => name,
    (name, at) => checkReference(errors, at, name, names),
  )
}

function checkRequest(errors: Errors, at: string, request: DeepReadonly<types.DeviceRequest>): void {
  checkDeviceLabel(errors, `${at}.name`, request.name)
  const { exactly, firstAvailable = [] } = request
  const one = 'exactly one of `exactly` or `firstAvailable` is required'
  if (exactly && firstAvailable.length > 0) {
    errors.push(invalid(at, null, `${one}, but multiple fields are set`))
  } else if (exactly) checkPart(errors, `${at}.exactly`, exactly)
  else if (firstAvailable.length === 0) errors.push(required(at, one))
  else {
    checkSet(
      errors,
      `${at}.firstAvailable`,
      firstAvailable,
      MAX_SUBREQUESTS,
      ({ name }) => name ?? '',
      (part, path) => {
        checkDeviceLabel(errors, `${path}.name`, part.name)
        checkPart(errors, path, part)
      },
    )
  }
}

function checkPart(errors: Errors, at: string, part: DeepReadonly<types.ExactDeviceRequest>): void {
  const { deviceClassName, selectors, allocationMode: mode = '', count = 0 } = part
  checkName(errors, `${at}.deviceClassName`, deviceClassName, dnsSubdomain)
  checkSelectors(errors, `${at}.selectors`, selectors)
  if (mode === 'All') {
    if (count !== 0) errors.push(invalid(`${at}.count`, count, "must not be specified when allocationMode is 'All'"))
  } else if (mode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(`${at}.count`, count, 'must be greater than zero'))
  } else errors.push(notSupported(`${at}.allocationMode`, mode, ['All', 'ExactCount']))
  checkDeviceTolerations(errors, `${at}.tolerations`, part.tolerations)
}

export function checkDeviceTolerations(
  errors: Errors,
  field: string,
  tolerations: readonly DeepReadonly<types.DeviceToleration>[] | undefined,
): void {
  tolerations?.forEach(({ key = '', operator = '', value = '', effect = '' }, i) => {
    const at = `${field}[${i}]`
    if (key !== '') for (const problem of qualifiedName(key)) errors.push(invalid(`${at}.key`, key, problem))
    if (operator === 'Exists') {
      if (value !== '') errors.push(invalid(`${at}.value`, value, 'must be empty for operator `Exists`'))
    } else if (operator === 'Equal') {
      for (const problem of labelValue(value)) errors.push(invalid(`${at}.value`, value, problem))
    } else if (operator === '') errors.push(required(`${at}.operator`))
    else errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']))
    if (effect !== '' && !EFFECTS.includes(effect)) errors.push(notSupported(`${at}.effect`, effect, EFFECTS))
  })
}

export function checkDeviceTaint(errors: Errors, at: string, taint: DeepReadonly<types.DeviceTaint>): void {
  const { key = '', value = '', effect } = taint
  for (const problem of qualifiedName(key)) errors.push(invalid(`${at}.key`, key, problem))
  for (const problem of labelValue(value)) errors.push(invalid(`${at}.value`, value, problem))
  if (!effect) errors.push(required(`${at}.effect`))
  else if (!EFFECTS.includes(effect)) errors.push(notSupported(`${at}.effect`, effect, EFFECTS))
}

export function checkSelectors(
  errors: Errors,
  field: string,
  selectors: readonly DeepReadonly<types.DeviceSelector>[] | undefined,
): void {
  checkEach(errors, field, selectors, MAX_SELECTORS, ({ cel }, at) => {
    if (!cel) errors.push(required(`${at}.cel`))
    else if (!cel.expression) errors.push(required(`${at}.cel.expression`))
    else if (Buffer.byteLength(cel.expression) > MAX_EXPRESSION_BYTES) {
      errors.push(tooLong(`${at}.cel.expression`, MAX_EXPRESSION_BYTES))
    }
  })
}

export function checkConfiguration(
  errors: Errors,
  at: string,
  { opaque }: DeepReadonly<types.DeviceConfiguration>,
): void {
  if (!opaque) {
    errors.push(required(`${at}.opaque`))
    return
  }
  checkDriverName(errors, `${at}.opaque.driver`, opaque.driver)
  checkRawObject(errors, `${at}.opaque.parameters`, opaque.parameters, MAX_PARAMETER_BYTES)
}

/** What only a driver reads: an object, not too large. */
export function checkRawObject(errors: Errors, field: string, value: unknown, maxBytes: number): void {
  if (value === undefined || value === null) errors.push(required(field))
  else if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) errors.push(tooLong(field, maxBytes))
  else if (typeof value !== 'object' || Array.isArray(value)) {
    errors.push(invalid(field, '<value omitted>', 'must be a valid JSON object'))
  }
}

/** `model` of the driver's own domain, or `example.com/model`. */
export function checkAttributeName(errors: Errors, field: string, name: string): void {
  const [domain = '', rest, more] = name.split('/')
  if (more !== undefined) errors.push(invalid(field, name, 'must not contain more than one slash'))
  else if (rest === undefined) checkIdentifier(errors, field, domain)
  else {
    if (domain === '') errors.push(invalid(field, '', 'the domain must not be empty'))
    else checkDriverName(errors, field, domain)
    if (rest === '') errors.push(invalid(field, '', 'the name must not be empty'))
    else checkIdentifier(errors, field, rest)
  }
}

export function checkFullAttribute(errors: Errors, field: string, name: string): void {
  checkAttributeName(errors, field, name)
  if (name.includes('/')) return
  errors.push(invalid(field, name, 'a fully qualified name must be a domain and a name separated by a slash'))
}

function checkIdentifier(errors: Errors, field: string, id: string): void {
  if (id.length > MAX_IDENTIFIER) errors.push(tooLong(field, MAX_IDENTIFIER))
  for (const problem of cIdentifier(id)) errors.push(invalid(field, id, problem))
}

const MAX_POOL_NAME = 253

/** Names of pools: domains with slashes between them. */
export function checkPoolName(errors: Errors, field: string, name: string | undefined): void {
  if (!name) {
    errors.push(required(field))
    return
  }
  if (name.length > MAX_POOL_NAME) errors.push(tooLong(field, MAX_POOL_NAME))
  for (const part of name.split('/')) {
    for (const problem of dnsSubdomain(part)) errors.push(invalid(field, part, problem))
  }
}

const MAX_BINDING_CONDITIONS = 4

/** Conditions that must hold, or must not come to hold, before a device is in use: both lists or none. */
export function checkBindingConditions(
  errors: Errors,
  at: string,
  good: readonly string[] = [],
  bad: readonly string[] = [],
): void {
  const label: Check<string> = (name, field) => {
    for (const problem of qualifiedName(name)) errors.push(invalid(field, name, problem))
  }
  const [goodAt, badAt] = [`${at}.bindingConditions`, `${at}.bindingFailureConditions`]
  checkSet(errors, goodAt, good, MAX_BINDING_CONDITIONS, (name) => name, label)
  checkSet(errors, badAt, bad, MAX_BINDING_CONDITIONS, (name) => name, label)
  bad.forEach((name, i) => {
    if (!good.includes(name)) return
    errors.push(invalid(`${badAt}[${i}]`, name, 'bindingFailureConditions must not overlap with bindingConditions'))
  })
  if (good.length === 0 && bad.length > 0) {
    errors.push(invalid(goodAt, good, 'bindingConditions are required to use bindingFailureConditions'))
  }
  if (bad.length === 0 && good.length > 0) {
    errors.push(invalid(badAt, bad, 'bindingFailureConditions are required to use bindingConditions'))
  }
}
