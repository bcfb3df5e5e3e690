// ResourceSlice: devices that a driver offers.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/resource.v1.ts'
import { checkImmutable } from './check.ts'
import { age, text } from './columns.ts'
import { checkPoolName, checkSet } from './device-rules.ts'
import { checkCounterSet, checkDevice } from './device-slice.ts'
import { defineKind } from './kind.ts'
import { checkNodeSelector } from './pod-validation/scheduling.ts'
import { checkDriverName } from './pod-validation/volume-sources.ts'

export type ResourceSlice = types.ResourceSlice

export const ResourceSlice = defineKind<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  scope: 'Cluster',
  description: 'Devices of one pool that a driver offers.',
  columns: [
    text('Node', ({ spec }) => spec?.nodeName ?? (spec?.allNodes ? '<all>' : '<unset>'), 'The node that has them.'),
    text('Driver', (s) => s.spec?.driver ?? '', 'The driver.'),
    text('Pool', (s) => s.spec?.pool?.name ?? '', 'The pool.'),
    age(),
  ],
  selectableFields: {
    'spec.nodeName': (s) => s.spec?.nodeName ?? '',
    'spec.driver': (s) => s.spec?.driver ?? '',
  },
  validate: ({ spec }) => sliceErrors(spec),
  validateChange: ({ spec }, old) => sliceErrors(spec, old.spec),
})

type Spec = DeepReadonly<types.ResourceSliceSpec>

const MAX_DEVICES = 128
/** When devices have taints, use counters or hold lists. */
const MAX_RICH_DEVICES = 64
const MAX_COUNTER_SETS = 8
const LISTS = ['bools', 'ints', 'strings', 'versions'] as const
const ONE_PLACE = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'

const isRich = ({ taints = [], consumesCounters = [], attributes = {} }: DeepReadonly<types.Device>): boolean =>
  taints.length > 0 ||
  consumesCounters.length > 0 ||
  Object.values(attributes).some((attribute) => LISTS.some((key) => attribute[key] !== undefined))

function sliceErrors(spec: Spec, old?: Spec): FieldError[] {
  const errors: FieldError[] = []
  const { pool, devices = [] } = spec
  checkDriverName(errors, 'spec.driver', spec.driver)
  checkPoolName(errors, 'spec.pool.name', pool?.name)
  const [slices, generation] = [pool?.resourceSliceCount ?? 0, pool?.generation ?? 0]
  if (slices <= 0) errors.push(invalid('spec.pool.resourceSliceCount', slices, 'must be greater than zero'))
  if (generation < 0) {
    errors.push(invalid('spec.pool.generation', generation, 'must be greater than or equal to zero'))
  }
  if (old) {
    checkImmutable(errors, 'spec.pool.name', pool?.name, old.pool?.name)
    checkImmutable(errors, 'spec.driver', spec.driver, old.driver)
    checkImmutable(errors, 'spec.nodeName', spec.nodeName, old.nodeName)
  }
  checkPlace(errors, spec)
  if (spec.sharedCounters && spec.devices) {
    errors.push(invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'))
  }
  const max = devices.some(isRich) ? MAX_RICH_DEVICES : MAX_DEVICES
  const nameOf = ({ name }: { readonly name?: string }) => name ?? ''
  checkSet(errors, 'spec.devices', devices, max, nameOf, (device, at) => {
    checkDevice(errors, at, device, spec.perDeviceNodeSelection === true)
  })
  checkSet(errors, 'spec.sharedCounters', spec.sharedCounters, MAX_COUNTER_SETS, nameOf, (set, at) => {
    checkCounterSet(errors, at, set)
  })
  return errors
}

function checkPlace(errors: FieldError[], spec: Spec): void {
  const { nodeName, nodeSelector } = spec
  const set: string[] = []
  if (nodeName === '') {
    errors.push(invalid('spec.nodeName', nodeName, 'must be either unset or set to a non-empty string'))
  } else if (nodeName !== undefined) {
    set.push('`nodeName`')
    for (const problem of dnsSubdomain(nodeName)) errors.push(invalid('spec.nodeName', nodeName, problem))
  }
  if (nodeSelector) {
    set.push('`nodeSelector`')
    checkNodeSelector(errors, 'spec.nodeSelector', nodeSelector)
    const { nodeSelectorTerms: terms } = nodeSelector
    if (terms?.length !== 1) {
      const why = 'must have exactly one node selector term'
      errors.push(invalid('spec.nodeSelector.nodeSelectorTerms', terms ?? null, why))
    }
  }
  for (const key of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[key]) set.push(`\`${key}\``)
    else if (spec[key] !== undefined) {
      errors.push(invalid(`spec.${key}`, spec[key], 'must be either unset or set to true'))
    }
  }
  if (set.length === 0) errors.push(required('spec', ONE_PLACE))
  else if (set.length > 1) {
    errors.push(invalid('spec', `{${set.join(', ')}}`, `${ONE_PLACE}, but multiple fields are set`))
  }
}
