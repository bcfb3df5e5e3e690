// How this server shows itself to admission webhooks: the users of a kubeconfig, by the name of the service that is called. Pure, but
// for the files that the kubeconfig names, which are read by whoever calls.
import type { CallCredentials } from './client.ts'

export interface WebhookUsers {
  readonly byName: ReadonlyMap<string, CallCredentials>
  /** Of the current context. */
  readonly current: CallCredentials | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** @param fail makes the error for what is wrong with a field @param readText a file that the kubeconfig names */
export function parseWebhookUsers(
  kubeconfig: unknown,
  readText: (path: string) => string,
  fail: (field: string, why: string) => Error,
): WebhookUsers {
  const whole = mapping(kubeconfig, 'kubeconfig', fail)
  const byName = new Map<string, CallCredentials>()
  entries(whole['users'], 'users', fail).forEach((entry, i) => {
    const at = `users[${i}]`
    if (typeof entry['name'] !== 'string') throw fail(`${at}.name`, 'must be a text')
    byName.set(
      entry['name'],
      credentialsOf(mapping(entry['user'] ?? {}, `${at}.user`, fail), `${at}.user`, readText, fail),
    )
  })
  const context = entries(whole['contexts'], 'contexts', fail).find(({ name }) => name === whole['current-context'])
  const user = (context?.['context'] as Fields | undefined)?.['user']
  return { byName, current: typeof user === 'string' ? byName.get(user) : undefined }
}

function mapping(value: unknown, at: string, fail: (field: string, why: string) => Error): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail(at, 'must be an object')
  return value as Fields
}

function entries(value: unknown, at: string, fail: (field: string, why: string) => Error): Fields[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw fail(at, 'must be a list')
  return value.map((item, i) => mapping(item, `${at}[${i}]`, fail))
}

function credentialsOf(
  user: Fields,
  at: string,
  readText: (path: string) => string,
  fail: (field: string, why: string) => Error,
): CallCredentials {
  const unsupported = ['exec', 'auth-provider'].find((field) => user[field])
  if (unsupported) throw fail(`${at}.${unsupported}`, 'is not supported')
  const text = (field: string) => (user[field] ? String(user[field]) : '')
  const file = (field: string) => {
    const path = text(field)
    if (!path) return ''
    try {
      return readText(path)
    } catch (err) {
      throw fail(`${at}.${field}`, (err as Error).message)
    }
  }
  const pem = (field: string) => Buffer.from(text(`${field}-data`), 'base64').toString() || file(field)
  const token = text('token') || file('tokenFile').trim()
  const [cert, key] = [pem('client-certificate'), pem('client-key')]
  const named = text('username') || text('password')
  return {
    ...(cert && key ? { cert, key } : {}),
    ...(token ? { token } : {}),
    ...(named ? { basic: `${text('username')}:${text('password')}` } : {}),
  }
}

/**
 * k8s: the user named like the target, or like a domain that it is in (`*.ns.svc`); for port 443 without the port as well; else the one
 * called `*`, else that of the current context. @param target `name.namespace.svc:443`
 */
export function credentialsFor({ byName, current }: WebhookUsers, target: string): CallCredentials | undefined {
  const named = (name: string): CallCredentials | undefined => {
    const steps = name.split('.')
    const domains = steps.slice(1).map((_, i) => `*.${steps.slice(i + 1).join('.')}`)
    const found = [name, ...domains].find((one) => byName.has(one))
    return found === undefined ? undefined : byName.get(found)
  }
  const bare = target.endsWith(':443') ? target.slice(0, -':443'.length) : undefined
  return named(target) ?? (bare ? named(bare) : undefined) ?? byName.get('*') ?? current
}
