// The rules of resource requests and limits.
import { invalid, required } from '../../meta/errors.ts'
import { qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts'
import type { ResourceRequirements } from '../../types/core.v1.ts'
import { checkUnique, type Errors } from '../check.ts'

const STANDARD = ['cpu', 'memory', 'ephemeral-storage']
const POD_LEVEL = ['cpu', 'memory']
const isHugePages = (name: string) => name.startsWith('hugepages-')
/** Resources that can be promised more often than they exist: those of the machine itself, but not huge pages. */
const canOvercommit = (name: string) => STANDARD.includes(name)

export function checkResources(
  errors: Errors,
  path: string,
  resources: DeepReadonly<ResourceRequirements>,
  podLevel: boolean,
): void {
  const { requests = {}, limits = {}, claims } = resources
  checkResourceMap(errors, `${path}.limits`, limits, podLevel)
  checkResourceMap(errors, `${path}.requests`, requests, podLevel)
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name]
    if (limit === undefined) {
      if (!canOvercommit(name))
        errors.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'))
      continue
    }
    if (!isValid(request) || !isValid(limit)) continue
    const order = compareQuantities(request, limit)
    if (canOvercommit(name) ? order > 0 : order !== 0) {
      const relation = canOvercommit(name) ? 'less than or equal to' : 'equal to'
      errors.push(invalid(`${path}.requests`, request, `must be ${relation} ${name} limit of ${limit}`))
    }
  }
  checkUnique(
    errors,
    claims,
    (claim) => `${claim.name}/${claim.request ?? ''}`,
    (i) => `${path}.claims[${i}]`,
  )
  if (podLevel && claims?.length) {
    errors.push(invalid(`${path}.claims`, claims, 'claims may not be set for Resources at pod-level'))
  }
}

function isValid(text: string): boolean {
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}

/** A list of amounts: known or qualified names, none negative, extended ones whole. */
export function checkResourceMap(
  errors: Errors,
  path: string,
  amounts: Readonly<Record<string, string>> | undefined,
  podLevel: boolean,
): void {
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    const at = `${path}[${name}]`
    const problems = qualifiedName(name)
    for (const problem of problems) errors.push(invalid(at, name, problem))
    if (problems.length === 0 && !name.includes('/')) {
      if (podLevel && !POD_LEVEL.includes(name) && !isHugePages(name)) {
        errors.push({
          type: 'FieldValueNotSupported',
          field: at,
          message: `Unsupported value: ${JSON.stringify(name)}: supported values: "cpu", "hugepages-", "memory"`,
        })
      } else if (!podLevel && !STANDARD.includes(name) && !isHugePages(name)) {
        errors.push(invalid(at, name, 'must be a standard resource type or fully qualified'))
        errors.push(invalid(at, name, 'must be a standard resource for containers'))
      }
    }
    checkAmount(errors, at, name, amount)
  }
}

function checkAmount(errors: Errors, at: string, name: string, amount: string): void {
  try {
    const { nano } = parseQuantity(amount)
    if (nano < 0n) errors.push(invalid(at, amount, 'must be greater than or equal to 0'))
    else if (name.includes('/') && nano % 1_000_000_000n !== 0n) errors.push(invalid(at, amount, 'must be an integer'))
  } catch (err) {
    errors.push(invalid(at, amount, (err as Error).message))
  }
}
