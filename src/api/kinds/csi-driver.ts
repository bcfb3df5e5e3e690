// CSIDriver: what the cluster should know of a storage driver.
import { duplicate, type FieldError, invalid, notSupported } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable } from './check.ts'
import { age, bool, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type CSIDriver = types.CSIDriver

const flag = (title: string, read: (d: { readonly spec?: Flags }) => boolean | undefined) => ({
  ...text<CSIDriver>(title, (d) => bool(read(d)), `Whether the driver has ${title}.`),
  type: 'boolean' as const,
})
type Flags = Pick<types.CSIDriverSpec, 'attachRequired' | 'podInfoOnMount' | 'storageCapacity' | 'requiresRepublish'>

export const CSIDriver = defineKind<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  description: 'Tells the cluster how to deal with a storage driver.',
  columns: [
    flag('AttachRequired', (d) => d.spec?.attachRequired),
    flag('PodInfoOnMount', (d) => d.spec?.podInfoOnMount),
    flag('StorageCapacity', (d) => d.spec?.storageCapacity),
    text(
      'TokenRequests',
      ({ spec }) => (spec?.tokenRequests ?? []).map((t) => t.audience).join(',') || '<unset>',
      'Audiences of the tokens it gets.',
    ),
    flag('RequiresRepublish', (d) => d.spec?.requiresRepublish),
    text(
      'Modes',
      ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>',
      'Kinds of volumes it offers.',
    ),
    age(),
  ],
  default(d) {
    d.spec ??= {}
    const { spec } = d
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
  },
  validate: ({ spec }) => specErrors(spec),
  validateUpdate(d, old) {
    const errors: FieldError[] = []
    // k8s: the field is told by another name
    checkImmutable(errors, 'spec.attachedRequired', d.spec.attachRequired, old.spec.attachRequired)
    checkImmutable(errors, 'spec.volumeLifecycleModes', d.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes)
    return errors
  },
})

const GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType']
const LIFECYCLES = ['Persistent', 'Ephemeral']
const MIN_TOKEN_SECONDS = 600
const MAX_TOKEN_SECONDS = 2 ** 32
const MIN_UPDATE_SECONDS = 10

function specErrors(spec: DeepReadonly<types.CSIDriverSpec>): FieldError[] {
  const errors: FieldError[] = []
  const { fsGroupPolicy: policy, nodeAllocatableUpdatePeriodSeconds: period } = spec
  if (policy !== undefined && !GROUP_POLICIES.includes(policy)) {
    errors.push(notSupported('spec.fsGroupPolicy', policy, GROUP_POLICIES))
  }
  const audiences = new Set<string>()
  spec.tokenRequests?.forEach(({ audience = '', expirationSeconds: seconds }, i) => {
    const at = `spec.tokenRequests[${i}]`
    if (audiences.has(audience)) {
      errors.push(duplicate(`${at}.audience`, audience))
      return
    }
    audiences.add(audience)
    if (seconds === undefined) return
    const say = (why: string) => errors.push(invalid(`${at}.expirationSeconds`, seconds, why))
    if (seconds < MIN_TOKEN_SECONDS) say('may not specify a duration less than 10 minutes')
    if (seconds > MAX_TOKEN_SECONDS) say('may not specify a duration larger than 2^32 seconds')
  })
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!LIFECYCLES.includes(mode)) errors.push(notSupported('spec.volumeLifecycleModes', mode, LIFECYCLES))
  }
  if (period !== undefined && period < MIN_UPDATE_SECONDS) {
    const why = `must be greater than or equal to ${MIN_UPDATE_SECONDS} seconds`
    errors.push(invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, why))
  }
  if (spec.serviceAccountTokenInSecrets !== undefined && !spec.tokenRequests?.length) {
    const why = 'must not be set when tokenRequests is empty'
    errors.push(invalid('spec.serviceAccountTokenInSecrets', spec.serviceAccountTokenInSecrets, why))
  }
  return errors
}
