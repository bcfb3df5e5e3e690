// /livez, /readyz and /healthz: a list of named checks, answered in one word, or one line each with ?verbose. A single check is at
// /readyz/<name>; ?exclude=<name> leaves one out.
import type { ApiRequest, ApiResponse } from '../api/wire.ts'
import { textResponse } from './respond.ts'

export interface HealthCheck {
  readonly name: string
  /** Which of the three ask for it. */
  readonly of: readonly Endpoint[]
  /** Undefined when all is well, else the reason, for the log only. */
  problem(): string | undefined | Promise<string | undefined>
}
type Endpoint = 'livez' | 'readyz' | 'healthz'

const PATH = /^\/(livez|readyz|healthz)(?:\/([^/]*))?\/?$/

export const ownsHealthPath = (path: string) => PATH.test(path)

export async function healthResponse(request: ApiRequest, checks: readonly HealthCheck[]): Promise<ApiResponse> {
  const [, endpoint = '', only] = PATH.exec(request.path) ?? []
  const excluded = request.query.getAll('exclude')
  const asked = checks.filter((check) => check.of.includes(endpoint as Endpoint))
  const chosen = only ? asked.filter(({ name }) => name === only) : asked.filter(({ name }) => !excluded.includes(name))
  if (only && chosen.length === 0) return textResponse('404 page not found\n', 404)
  const results = await Promise.all(
    chosen.map(async (check) => {
      try {
        return { name: check.name, problem: await check.problem() }
      } catch (err) {
        return { name: check.name, problem: err instanceof Error ? err.message : String(err) }
      }
    }),
  )
  const bad = results.some(({ problem }) => problem !== undefined)
  if (!bad && !request.query.has('verbose')) return textResponse('ok')
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`,
  )
  for (const name of excluded) if (asked.some((check) => check.name === name)) lines.push(`[+]${name} excluded: ok`)
  return textResponse(`${lines.join('\n')}\n${endpoint} check ${bad ? 'failed' : 'passed'}\n`, bad ? 500 : 200)
}
