// Registry credentials from pull secrets: `.dockerconfigjson` and the older `.dockercfg`. What cannot be read gives none. Pure.
import type { ImageAuth } from './cri/runtime.ts'

interface Login {
  username?: unknown
  password?: unknown
  auth?: unknown
}

/** @param data a Secret's data, in base64. */
export function parseDockerConfig(data: Readonly<Record<string, string>>): ImageAuth[] {
  const modern = parse(data['.dockerconfigjson'])
  const logins = modern ? (modern as { auths?: unknown }).auths : parse(data['.dockercfg'])
  if (typeof logins !== 'object' || logins === null) return []
  return Object.entries(logins as Record<string, Login | null>).flatMap(([registry, login]) => {
    const found = login && credentials(login)
    return found ? [{ registry: host(registry), ...found }] : []
  })
}

function parse(base64: string | undefined): object | undefined {
  if (!base64) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function credentials(login: Login): { username: string; password: string } | undefined {
  if (typeof login.username === 'string' && typeof login.password === 'string')
    return { username: login.username, password: login.password }
  if (typeof login.auth !== 'string') return undefined
  const [username = '', ...rest] = Buffer.from(login.auth, 'base64').toString('utf8').split(':')
  return username ? { username, password: rest.join(':') } : undefined
}

/** `https://index.docker.io/v1/` names the host `index.docker.io`. */
const host = (registry: string) => registry.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
