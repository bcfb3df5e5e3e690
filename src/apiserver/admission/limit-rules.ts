// What LimitRanges say about pods and claims, as pure functions: the defaults that containers get, and the sentences of what is wrong.
import type { LimitRange } from '../../api/kinds/limit-range.ts'
import type { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { podLimits, podRequests } from '../../api/meta/pods.ts'
import { parseQuantity } from '../../api/meta/quantity.ts'

type Amounts = Readonly<Record<string, string>>
type AnyRange = DeepReadonly<LimitRange>
type Rule = NonNullable<AnyRange['spec']>['limits'][number]

export const ANNOTATION = 'kubernetes.io/limit-ranger'

/** Fills in what containers don't say themselves. */
export function applyContainerDefaults(pod: Pod, range: AnyRange): void {
  const rules = rulesOf(range, 'Container')
  const limits: Amounts = Object.assign({}, ...rules.map((rule) => rule.default ?? {}))
  const requests: Amounts = Object.assign({}, ...rules.map((rule) => rule.defaultRequest ?? {}))
  const said: string[] = []
  const lists = [
    ['container', pod.spec.containers ?? []],
    ['init container', pod.spec.initContainers ?? []],
  ] as const
  for (const [what, containers] of lists) {
    for (const container of containers) {
      for (const [side, word, defaults] of [
        ['requests', 'request', requests],
        ['limits', 'limit', limits],
      ] as const) {
        const own = container.resources?.[side] ?? {}
        const missing = Object.keys(defaults).filter((name) => own[name] === undefined)
        if (missing.length === 0) continue
        const added = Object.fromEntries(missing.map((name) => [name, defaults[name]!]))
        container.resources = { ...container.resources, [side]: { ...own, ...added } }
        said.push(`${missing.sort().join(', ')} ${word} for ${what} ${container.name}`)
      }
    }
  }
  if (said.length === 0) return
  const note = `LimitRanger plugin set: ${said.join('; ')}`
  pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: note }
}

const rulesOf = ({ spec }: AnyRange, type: string) => (spec?.limits ?? []).filter((rule) => rule.type === type)

export function podProblems(pod: DeepReadonly<Pod>, range: AnyRange): string[] {
  const problems: string[] = []
  for (const rule of range.spec?.limits ?? []) {
    if (rule.type === 'Container') {
      for (const { resources } of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
        problems.push(...ruleProblems(rule, resources?.requests ?? {}, resources?.limits ?? {}))
      }
    } else if (rule.type === 'Pod') {
      // k8s: what the sandbox takes is not the pod's doing.
      const { overhead: _, ...spec } = pod.spec
      problems.push(...ruleProblems(rule, podRequests({ spec }), podLimits({ spec })))
    }
  }
  return [...new Set(problems)]
}

export function claimProblems(claim: DeepReadonly<PersistentVolumeClaim>, range: AnyRange): string[] {
  const requests = claim.spec?.resources?.requests ?? {}
  return rulesOf(range, 'PersistentVolumeClaim').flatMap((rule) => [
    ...each(rule.min, (name, bound) => below(rule, name, bound, requests, {})),
    ...each(rule.max, (name, bound) => aboveRequest(rule, name, bound, requests[name])),
  ])
}

function ruleProblems(rule: Rule, requests: Amounts, limits: Amounts): string[] {
  return [
    ...each(rule.min, (name, bound) => below(rule, name, bound, requests, limits)),
    ...each(rule.max, (name, bound) => above(rule, name, bound, requests, limits)),
    ...each(rule.maxLimitRequestRatio, (name, bound) => ratio(rule, name, bound, requests[name], limits[name])),
  ]
}

function each(bounds: Amounts | undefined, problem: (name: string, bound: string) => string | undefined): string[] {
  const names = Object.keys(bounds ?? {}).sort()
  return names.map((name) => problem(name, bounds![name]!)).filter((text) => text !== undefined)
}

const nano = (text: string) => parseQuantity(text).nano

function below({ type }: Rule, name: string, bound: string, requests: Amounts, limits: Amounts): string | undefined {
  const [request, limit] = [requests[name], limits[name]]
  const head = `minimum ${name} usage per ${type} is ${bound}`
  if (request === undefined) return `${head}.  No request is specified`
  if (nano(request) < nano(bound)) return `${head}, but request is ${request}`
  return limit !== undefined && nano(limit) < nano(bound) ? `${head}, but limit is ${limit}` : undefined
}

function above({ type }: Rule, name: string, bound: string, requests: Amounts, limits: Amounts): string | undefined {
  const [request, limit] = [requests[name], limits[name]]
  const head = `maximum ${name} usage per ${type} is ${bound}`
  if (limit === undefined) return `${head}.  No limit is specified`
  if (nano(limit) > nano(bound)) return `${head}, but limit is ${limit}`
  return request !== undefined && nano(request) > nano(bound) ? `${head}, but request is ${request}` : undefined
}

function aboveRequest({ type }: Rule, name: string, bound: string, request: string | undefined): string | undefined {
  const head = `maximum ${name} usage per ${type} is ${bound}`
  if (request === undefined) return `${head}.  No request is specified`
  return nano(request) > nano(bound) ? `${head}, but request is ${request}` : undefined
}

function ratio(
  { type }: Rule,
  name: string,
  bound: string,
  request: string | undefined,
  limit: string | undefined,
): string | undefined {
  const head = `${name} max limit to request ratio per ${type} is ${bound}`
  const [asked, most] = [nano(request ?? '0'), nano(limit ?? '0')]
  if (asked === 0n) return `${head}, but no request is specified or request is 0`
  if (most === 0n) return `${head}, but no limit is specified or limit is 0`
  // most / asked > bound, without dividing
  if (most * 1_000_000_000n <= nano(bound) * asked) return undefined
  return `${head}, but provided ratio is ${(Number(most) / Number(asked)).toFixed(6)}`
}
