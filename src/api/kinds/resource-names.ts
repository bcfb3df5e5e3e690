// Names and amounts of resources: which names are standard, where they may stand, and which amounts have to be whole numbers.
// k8s: the sets and the sentences; names are checked one rule after the other, so that one name can be wrong twice.
import { invalid } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import { parseQuantity } from '../meta/quantity.ts'
import type { Errors } from './check.ts'

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage']
const COUNTED = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]
const REQUESTED = ['requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage']
const LIMITED = ['limits.cpu', 'limits.memory', 'limits.ephemeral-storage']

const STANDARD: ReadonlySet<string> = new Set([...COMPUTE, 'storage', ...COUNTED, ...REQUESTED, ...LIMITED])
const QUOTA: ReadonlySet<string> = new Set([...COMPUTE, ...COUNTED, ...REQUESTED, ...LIMITED])
const CONTAINER: ReadonlySet<string> = new Set(COMPUTE)
const WHOLE: ReadonlySet<string> = new Set(COUNTED)

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-')
const isQuotaHugePages = (name: string) => isHugePages(name) || name.startsWith('requests.hugepages-')
/** Without a domain, or in the cluster's own. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')
/** Can be promised more often than it exists. */
export const canOvercommit = (name: string): boolean => isNativeResource(name) && !isHugePages(name)
export const isQuotaResource = (name: string): boolean => QUOTA.has(name) || isQuotaHugePages(name)

export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0
}

export function checkResourceName(errors: Errors, at: string, name: string): void {
  const problems = qualifiedName(name)
  for (const problem of problems) errors.push(invalid(at, name, problem))
  if (problems.length > 0 || name.includes('/') || STANDARD.has(name) || isQuotaHugePages(name)) return
  errors.push(invalid(at, name, 'must be a standard resource type or fully qualified'))
}

export function checkContainerResourceName(errors: Errors, at: string, name: string): void {
  checkResourceName(errors, at, name)
  if (!name.includes('/')) {
    if (!CONTAINER.has(name) && !isHugePages(name)) {
      errors.push(invalid(at, name, 'must be a standard resource for containers'))
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalid(at, name, "doesn't follow extended resource name standard"))
  }
}

export function checkQuotaResourceName(errors: Errors, at: string, name: string): void {
  checkResourceName(errors, at, name)
  if (!name.includes('/') && !isQuotaResource(name)) {
    errors.push(invalid(at, name, 'must be a standard resource for quota'))
  }
}

const MILLI = 1_000_000n
const UNIT = 1_000_000_000n
const ceilTo = (nano: bigint, step: bigint) => (nano > 0n ? (nano + step - 1n) / step : nano / step) * step

/** Not negative; of what is counted only whole numbers. */
export function checkAmount(errors: Errors, at: string, name: string, amount: string): void {
  const nano = nanoOf(errors, at, amount)
  if (nano === undefined) return
  if (nano < 0n) errors.push(invalid(at, amount, 'must be greater than or equal to 0'))
  if ((WHOLE.has(name) || isExtendedResource(name)) && ceilTo(nano, MILLI) % UNIT !== 0n) {
    errors.push(invalid(at, amount, 'must be an integer'))
  }
}

/** Undefined when it is no amount, which is said. */
export function nanoOf(errors: Errors, at: string, amount: string): bigint | undefined {
  try {
    return parseQuantity(amount).nano
  } catch (err) {
    errors.push(invalid(at, amount, (err as Error).message))
    return undefined
  }
}

/** Huge pages come in their own size only. */
export function checkHugePages(errors: Errors, at: string, name: string, amount: string): void {
  const nano = nanoOf([], at, amount)
  const size = nanoOf([], at, name.slice('hugepages-'.length))
  if (nano === undefined) return
  if (size === undefined || size <= 0n || nano % size !== 0n) {
    errors.push(invalid(at, amount, `${amount} is not positive integer multiple of ${name}`))
  }
}
