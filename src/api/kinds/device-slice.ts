// The rules of devices in a ResourceSlice: attributes, capacities, counters, taints, and the nodes that can reach each.
import { type FieldError, forbiddenField, invalid, required, tooLong, tooMany } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/resource.v1.ts'
import {
  checkAttributeName,
  checkBindingConditions,
  checkDeviceLabel,
  checkDeviceTaint,
  checkEach,
  checkSet,
} from './device-rules.ts'
import { checkNodeSelector } from './pod-validation/scheduling.ts'

type Errors = FieldError[]
type Device = DeepReadonly<types.Device>

const MAX_ATTRIBUTES = 32
const MAX_VALUE = 64
const MAX_TAINTS = 16
const MAX_CONSUMPTIONS = 2
const MAX_COUNTERS = 32
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/

export function checkDevice(errors: Errors, at: string, device: Device, perDevice: boolean): void {
  checkDeviceLabel(errors, `${at}.name`, device.name)
  const { attributes = {}, capacity = {} } = device
  const count = Object.keys(attributes).length + Object.keys(capacity).length
  if (count > MAX_ATTRIBUTES) {
    const why = `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES}`
    errors.push(invalid(at, count, why))
  }
  for (const [name, attribute] of Object.entries(attributes)) {
    checkAttributeName(errors, `${at}.attributes`, name)
    checkAttribute(errors, `${at}.attributes[${name}]`, attribute)
  }
  for (const [name, { requestPolicy }] of Object.entries(capacity)) {
    checkAttributeName(errors, `${at}.capacity`, name)
    if (requestPolicy && !device.allowMultipleAllocations) {
      const field = `${at}.capacity[${name}].requestPolicy`
      errors.push(forbiddenField(field, 'allowMultipleAllocations must be true'))
    }
  }
  checkEach(errors, `${at}.taints`, device.taints, MAX_TAINTS, (taint, field) => checkDeviceTaint(errors, field, taint))
  checkSet(
    errors,
    `${at}.consumesCounters`,
    device.consumesCounters,
    MAX_CONSUMPTIONS,
    ({ counterSet }) => counterSet ?? '',
    ({ counterSet, counters }, field) => {
      if (!counterSet) errors.push(required(`${field}.counterSet`))
      else checkDeviceLabel(errors, `${field}.counterSet`, counterSet)
      checkCounters(errors, `${field}.counters`, counters)
    },
  )
  checkPlace(errors, at, device, perDevice)
  checkBindingConditions(errors, at, device.bindingConditions, device.bindingFailureConditions)
}

export function checkCounterSet(errors: Errors, at: string, set: DeepReadonly<types.CounterSet>): void {
  if (!set.name) errors.push(required(`${at}.name`))
  else checkDeviceLabel(errors, `${at}.name`, set.name)
  checkCounters(errors, `${at}.counters`, set.counters)
}

function checkCounters(errors: Errors, field: string, counters: object | undefined): void {
  const names = Object.keys(counters ?? {})
  if (names.length === 0) errors.push(required(field))
  else if (names.length > MAX_COUNTERS) errors.push(tooMany(field, names.length, MAX_COUNTERS))
  else for (const name of names) checkDeviceLabel(errors, field, name)
}

function checkAttribute(errors: Errors, at: string, attribute: DeepReadonly<types.DeviceAttribute>): void {
  const { string, version } = attribute
  const text = (field: string, value: string) => {
    if (Buffer.byteLength(value) > MAX_VALUE) errors.push(tooLong(field, MAX_VALUE))
  }
  const semver = (field: string, value: string) => {
    if (!SEMVER.test(value))
      errors.push(invalid(field, value, 'must be a string compatible with semver.org spec 2.0.0'))
    text(field, value)
  }
  if (string !== undefined) text(`${at}.string`, string)
  if (version !== undefined) semver(`${at}.version`, version)
  for (const key of ['bools', 'ints', 'strings', 'versions'] as const) {
    if (attribute[key]?.length === 0) errors.push(invalid(`${at}.${key}`, [], 'must not be empty if specified'))
  }
  attribute.strings?.forEach((value, i) => {
    text(`${at}.strings[${i}]`, value)
  })
  attribute.versions?.forEach((value, i) => {
    semver(`${at}.versions[${i}]`, value)
  })
  const values = Object.values(attribute).filter((value) => value !== undefined).length
  if (values !== 1) {
    errors.push(invalid(at, values === 0 ? '' : attribute, 'exactly one value must be specified'))
  }
}

function checkPlace(errors: Errors, at: string, device: Device, perDevice: boolean): void {
  const { nodeName, nodeSelector, allNodes } = device
  if (!perDevice) {
    if (nodeName !== undefined || nodeSelector !== undefined || allNodes !== undefined) {
      const why =
        '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
      errors.push(invalid(at, null, why))
    }
    return
  }
  const set: string[] = []
  if (nodeName === '') errors.push(invalid(`${at}.nodeName`, nodeName, 'must not be empty'))
  else if (nodeName !== undefined) {
    set.push('`nodeName`')
    for (const problem of dnsSubdomain(nodeName)) errors.push(invalid(`${at}.nodeName`, nodeName, problem))
  }
  if (nodeSelector) {
    set.push('`nodeSelector`')
    checkNodeSelector(errors, `${at}.nodeSelector`, nodeSelector)
  }
  if (allNodes) set.push('`allNodes`')
  else if (allNodes !== undefined) {
    errors.push(invalid(`${at}.allNodes`, allNodes, 'must be either unset or set to true'))
  }
  const why =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  if (set.length === 0) errors.push(required(at, why))
  else if (set.length > 1) errors.push(invalid(at, `{${set.join(', ')}}`, why))
}
