// The rules of a claim's status: which devices it got, who uses them, and what their drivers say of them.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required, tooLong, tooMany } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/resource.v1.ts'
import { checkImmutable } from './check.ts'
import { checkConditionList } from './check-form.ts'
import {
  checkBindingConditions,
  checkConfiguration,
  checkDeviceLabel,
  checkDeviceTolerations,
  checkEach,
  checkPoolName,
  checkRawObject,
  checkReference,
  checkReferences,
  checkSet,
  requestNames,
} from './device-rules.ts'
import { checkNodeSelector } from './pod-validation/scheduling.ts'
import { checkDriverName } from './pod-validation/volume-sources.ts'

type Claim = DeepReadonly<types.ResourceClaim>
type Errors = FieldError[]

const MAX_CONSUMERS = 256
const MAX_RESULTS = 32
const MAX_CONFIG = 64
const MAX_CONDITIONS = 8
const MAX_DATA_BYTES = 10 * 1024
const MAX_INTERFACE_NAME = 256
const MAX_HARDWARE_ADDRESS = 128
const SOURCES = ['FromClaim', 'FromClass']
const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function claimStatusErrors(claim: Claim, old: Claim): FieldError[] {
  const errors: Errors = []
  const { reservedFor = [], allocation, devices } = claim.status ?? {}
  const uidOf = ({ uid }: { readonly uid?: string }) => uid ?? ''
  checkSet(errors, 'status.reservedFor', reservedFor, MAX_CONSUMERS, uidOf, (consumer, at) => {
    for (const key of ['resource', 'name', 'uid'] as const) if (!consumer[key]) errors.push(required(`${at}.${key}`))
  })
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceId))
  checkSet(errors, 'status.devices', devices, Number.POSITIVE_INFINITY, deviceId, (device, at) => {
    checkDeviceStatus(errors, at, device, allocated)
  })
  if (reservedFor.length > 0) {
    const before = old.status?.reservedFor ?? []
    const added = reservedFor.some((consumer) => !before.some((known) => semanticEqual(known, consumer)))
    if (!allocation) {
      errors.push(forbiddenField('status.reservedFor', 'may not be specified when `allocated` is not set'))
    } else if (claim.metadata.deletionTimestamp && added) {
      const why = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'
      errors.push(forbiddenField('status.reservedFor', why))
    }
  }
  const earlier = old.status?.allocation
  if (earlier && allocation) checkImmutable(errors, 'status.allocation', allocation, earlier)
  else if (allocation) checkAllocation(errors, allocation, requestNames(claim.spec?.devices))
  return errors
}

const deviceId = ({
  driver,
  pool,
  device,
  shareID,
}: Readonly<{ driver?: string; pool?: string; device?: string; shareID?: string }>): string =>
  [driver ?? '', pool ?? '', device ?? '', ...(shareID ? [shareID] : [])].join('/')

function checkDeviceStatus(
  errors: Errors,
  at: string,
  device: DeepReadonly<types.AllocatedDeviceStatus>,
  allocated: ReadonlySet<string>,
): void {
  checkDriverName(errors, `${at}.driver`, device.driver)
  checkPoolName(errors, `${at}.pool`, device.pool)
  checkDeviceLabel(errors, `${at}.device`, device.device)
  checkUid(errors, `${at}.shareID`, device.shareID)
  if (!allocated.has(deviceId(device))) {
    errors.push(invalid(at, deviceId(device), 'must be an allocated device in the claim'))
  }
  const { conditions = [], data, networkData: network } = device
  if (conditions.length > MAX_CONDITIONS) {
    errors.push(tooMany(`${at}.conditions`, conditions.length, MAX_CONDITIONS))
  }
  checkConditionList(errors, `${at}.conditions`, conditions)
  if (data !== undefined) checkRawObject(errors, `${at}.data`, data, MAX_DATA_BYTES)
  const limit = (field: string, text: string | undefined, max: number) => {
    if (Buffer.byteLength(text ?? '') > max) errors.push(tooLong(`${at}.networkData.${field}`, max))
  }
  limit('interfaceName', network?.interfaceName, MAX_INTERFACE_NAME)
  limit('hardwareAddress', network?.hardwareAddress, MAX_HARDWARE_ADDRESS)
}

function checkUid(errors: Errors, field: string, uid: string | undefined): void {
  if (uid === undefined || UID.test(uid)) return
  const why =
    'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'
  errors.push(invalid(field, uid, why))
}

function checkAllocation(
  errors: Errors,
  allocation: DeepReadonly<types.AllocationResult>,
  names: ReadonlySet<string>,
): void {
  const path = 'status.allocation.devices'
  checkEach(errors, `${path}.results`, allocation.devices?.results, MAX_RESULTS, (result, at) => {
    checkReference(errors, `${at}.request`, result.request ?? '', names)
    checkDriverName(errors, `${at}.driver`, result.driver)
    checkPoolName(errors, `${at}.pool`, result.pool)
    checkDeviceLabel(errors, `${at}.device`, result.device)
    checkBindingConditions(errors, at, result.bindingConditions, result.bindingFailureConditions)
    checkDeviceTolerations(errors, `${at}.tolerations`, result.tolerations)
    checkUid(errors, `${at}.shareID`, result.shareID)
  })
  checkEach(errors, `${path}.config`, allocation.devices?.config, MAX_CONFIG, (config, at) => {
    if (!config.source) errors.push(required(`${at}.source`))
    else if (!SOURCES.includes(config.source)) errors.push(notSupported(`${at}.source`, config.source, SOURCES))
    checkReferences(errors, `${at}.requests`, config.requests, names)
    checkConfiguration(errors, at, config)
  })
  if (allocation.nodeSelector) checkNodeSelector(errors, 'status.allocation.nodeSelector', allocation.nodeSelector)
}
