// /livez, /readyz and /healthz: a list of named checks, answered in one word, or one line each with ?verbose. A single check is at
// /readyz/<name>; ?exclude=<name> leaves one out. Why a check failed is for the log, not for whoever asks.
import type { ApiRequest, ApiResponse } from '../api/wire.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { textResponse } from './respond.ts'

export interface HealthCheck {
  readonly name: string
  /** Which of the three ask for it. */
  readonly of: readonly Endpoint[]
  /** Undefined when all is well, else the reason, for the log only. */
  problem(): string | undefined | Promise<string | undefined>
}
type Endpoint = 'livez' | 'readyz' | 'healthz'

const PATH = /^\/(livez|readyz|healthz)(?:\/(.*))?$/

export const ownsHealthPath = (path: string) => PATH.test(path)

export async function healthResponse(
  request: ApiRequest,
  checks: readonly HealthCheck[],
  log: Logger,
): Promise<ApiResponse> {
  const [, endpoint = '', rest = ''] = PATH.exec(request.path) ?? []
  const only = rest.replace(/\/$/, '')
  const asked = checks.filter((check) => check.of.includes(endpoint as Endpoint))
  if (only) return single(asked, only)
  const excluded = new Set(request.query.getAll('exclude'))
  const lines: string[] = []
  const failed: Record<string, string> = {}
  for (const check of asked) {
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`)
      continue
    }
    const problem = await problemOf(check)
    if (problem !== undefined) failed[check.name] = problem
    lines.push(problem === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`)
  }
  if (excluded.size > 0) {
    const names = [...excluded].sort().map((name) => JSON.stringify(name))
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(', ')}`)
  }
  const bad = Object.keys(failed).length > 0
  if (bad) log.warn({ endpoint, failed }, 'health check failed')
  if (!bad && !request.query.has('verbose')) return textResponse('ok')
  return textResponse(`${lines.join('\n')}\n${endpoint} check ${bad ? 'failed' : 'passed'}\n`, bad ? 500 : 200)
}

async function single(checks: readonly HealthCheck[], name: string): Promise<ApiResponse> {
  const check = checks.find((one) => one.name === name)
  if (!check) return textResponse('404 page not found\n', 404)
  const problem = await problemOf(check)
  return problem === undefined ? textResponse('ok') : textResponse(`internal server error: ${problem}\n`, 500)
}

async function problemOf(check: HealthCheck): Promise<string | undefined> {
  try {
    return await check.problem()
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
}

/** Longer than this a write of a healthy disk does not take. */
const STUCK_AFTER_MS = 30_000

export interface ServerState {
  /** Since when the oldest write has been under way; undefined when none is. */
  readonly writingSinceMs: () => number | undefined
  readonly clock: Clock
  /** The cluster's own objects are there. */
  readonly isReady: () => boolean
  readonly isStopping: () => boolean
}

/** Of what happens once at the start; names as clients and dashboards know them. */
const START_HOOKS = [
  'poststarthook/priority-and-fairness-config-producer',
  'poststarthook/bootstrap-controller',
  'poststarthook/rbac/bootstrap-roles',
  'poststarthook/scheduling/bootstrap-system-priority-classes',
  'poststarthook/priority-and-fairness-config-consumer',
  'poststarthook/priority-and-fairness-filter',
  'poststarthook/start-service-ip-repair-controllers',
]

/** k8s: the checks that make sense here, under the real server's names. */
export function serverChecks({ writingSinceMs, clock, isReady, isStopping }: ServerState): HealthCheck[] {
  const all = ['livez', 'readyz', 'healthz'] as const
  const notYet = () => (isReady() ? undefined : 'not finished')
  const etcd = () => {
    const since = writingSinceMs()
    if (since === undefined || clock.now() - since < STUCK_AFTER_MS) return undefined
    return `a write to the database has been under way for ${Math.round((clock.now() - since) / 1000)} s`
  }
  return [
    { name: 'ping', of: all, problem: () => undefined },
    { name: 'log', of: all, problem: () => undefined },
    { name: 'etcd', of: all, problem: etcd },
    { name: 'etcd-readiness', of: ['readyz'], problem: etcd },
    { name: 'informer-sync', of: ['readyz'], problem: notYet },
    ...START_HOOKS.map((name): HealthCheck => ({ name, of: all, problem: notYet })),
    { name: 'shutdown', of: ['readyz'], problem: () => (isStopping() ? 'process is shutting down' : undefined) },
  ]
}
