// The rules of resource requests and limits, of containers and of whole pods.
import { duplicate, forbiddenField, invalid, notFoundValue, notSupported, required } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { containerRequests } from '../../meta/pods.ts'
import { compareQuantities, isQuantity } from '../../meta/quantity.ts'
import type { PodSpec, ResourceRequirements } from '../../types/core.v1.ts'
import { checkLabel, type Errors } from '../check.ts'
import {
  canOvercommit,
  checkAmount,
  checkContainerResourceName,
  checkHugePages,
  checkResourceName,
  isHugePages,
} from '../resource-names.ts'

type Resources = DeepReadonly<ResourceRequirements>
type NameRule = (errors: Errors, at: string, name: string) => void

const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || isHugePages(name)

function checkPodResourceName(errors: Errors, at: string, name: string): void {
  const before = errors.length
  checkResourceName(errors, at, name)
  if (errors.length === before && !isPodLevel(name)) {
    errors.push(notSupported(at, name, ['cpu', 'hugepages-', 'memory']))
  }
}

/** @param claimNames what `spec.resourceClaims` holds */
export function checkResources(
  errors: Errors,
  path: string,
  resources: Resources | undefined,
  claimNames: ReadonlySet<string>,
  nameRule: NameRule = checkContainerResourceName,
): void {
  const { requests = {}, limits = {}, claims } = resources ?? {}
  for (const [name, amount] of Object.entries(limits)) {
    checkOne(errors, `${path}.limits[${name}]`, name, amount, nameRule)
    if (isHugePages(name)) checkHugePages(errors, `${path}.limits[${name}]`, name, amount)
  }
  for (const [name, amount] of Object.entries(requests)) {
    checkOne(errors, `${path}.requests[${name}]`, name, amount, nameRule)
    checkAgainstLimit(errors, path, name, amount, limits[name])
    if (isHugePages(name)) checkHugePages(errors, `${path}.requests[${name}]`, name, amount)
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)]
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) {
    errors.push(forbiddenField(path, 'HugePages require cpu or memory'))
  }
  checkClaims(errors, `${path}.claims`, claims, claimNames)
}

function checkOne(errors: Errors, at: string, name: string, amount: string, nameRule: NameRule): void {
  nameRule(errors, at, name)
  checkAmount(errors, at, name, amount)
}

function checkAgainstLimit(
  errors: Errors,
  path: string,
  name: string,
  request: string,
  limit: string | undefined,
): void {
  if (limit === undefined) {
    if (!canOvercommit(name)) {
      errors.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'))
    }
    return
  }
  if (!isQuantity(request) || !isQuantity(limit)) return
  const order = compareQuantities(request, limit)
  if (order !== 0 && !canOvercommit(name)) {
    errors.push(invalid(`${path}.requests`, request, `must be equal to ${name} limit of ${limit}`))
  } else if (order > 0) {
    errors.push(invalid(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`))
  }
}

function checkClaims(errors: Errors, path: string, claims: Resources['claims'], known: ReadonlySet<string>): void {
  const seen = new Set<string>()
  claims?.forEach(({ name, request }, i) => {
    const at = `${path}[${i}]`
    if (!name) {
      errors.push(required(at))
      return
    }
    if (seen.has(name)) errors.push(duplicate(at, name))
    else {
      if (request) checkLabel(errors, `${at}.request`, request)
      const key = request ? `${name}/${request}` : name
      if (seen.has(key)) errors.push(duplicate(at, key))
      else if (!request && [...seen].some((other) => other.startsWith(`${name}/`))) errors.push(duplicate(at, name))
      seen.add(key)
    }
    if (!known.has(name)) {
      const which = known.size > 0 ? `: ${[...known].sort().join(', ')}` : ' which is empty'
      errors.push(notFoundValue(at, name, `must be one of the names in pod.spec.resourceClaims${which}`))
    }
  })
}

/** The resources of a whole pod: names, and that its containers fit into them. */
export function checkPodResources(
  errors: Errors,
  path: string,
  spec: DeepReadonly<PodSpec>,
  claimNames: ReadonlySet<string>,
): void {
  const { resources } = spec
  if (!resources) return
  if (resources.claims) {
    errors.push(forbiddenField(`${path}.claims`, 'claims cannot be set for Resources at pod-level'))
  }
  checkResources(errors, path, resources, claimNames, checkPodResourceName)
  for (const [name, sum] of Object.entries(containerRequests(spec))) {
    const own = resources.requests?.[name] ?? '0'
    if (!isPodLevel(name) || !isQuantity(own) || compareQuantities(sum, own) <= 0) continue
    const why = `must be greater than or equal to aggregate container requests of ${sum}`
    errors.push(invalid(`${path}.requests[${name}]`, own, why))
  }
  spec.containers?.forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits?.[name]
      if (own === undefined || !isQuantity(own) || !isQuantity(limit) || compareQuantities(limit, own) <= 0) continue
      errors.push(
        invalid(
          `${path}.containers[${i}][${name}].limits`,
          limit,
          `must be less than or equal to pod limits of ${own}`,
        ),
      )
    }
  })
}
