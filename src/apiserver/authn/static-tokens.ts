// Tokens from a file, as `--token-auth-file` takes it: CSV lines of token, user name, user id and, optionally, groups in one quoted
// field. Read once, at the server's start. Tokens are looked up by digest, so that a wrong guess tells nothing by its time.
import { createHash } from 'node:crypto'
import type { UserInfo } from '../../api/wire.ts'
import type { TokenAuthenticator } from './authenticator.ts'
import { audienceAgnostic } from './bearer-tokens.ts'

/** By token. */
export type StaticTokens = ReadonlyMap<string, UserInfo>

/** @throws Error naming the line. k8s: a line without a token is passed over, of two with the same token the last counts. */
export function parseStaticTokens(text: string): StaticTokens {
  const users = new Map<string, UserInfo>()
  text.split(/\r?\n/).forEach((line, at) => {
    if (line.trim() === '') return
    const fields = csvFields(line, at + 1)
    if (fields.length < 3) {
      throw new Error(
        `line ${at + 1} must have at least 3 columns (token, user name, user uid), found ${fields.length}`,
      )
    }
    const [token = '', name = '', uid = '', groups = ''] = fields
    if (token === '') return
    users.set(token, { name, ...(uid ? { uid } : {}), groups: groups ? groups.split(',') : [] })
  })
  return users
}

function csvFields(line: string, number: number): string[] {
  const fields: string[] = []
  for (let at = 0; at <= line.length; at++) {
    if (line[at] !== '"') {
      const end = line.indexOf(',', at)
      const field = line.slice(at, end < 0 ? undefined : end)
      if (field.includes('"')) throw new Error(`line ${number}: bare " in non-quoted field`)
      fields.push(field)
      at += field.length
      continue
    }
    let field = ''
    for (at++; ; at++) {
      if (at >= line.length) throw new Error(`line ${number}: extraneous or missing " in quoted-field`)
      if (line[at] !== '"') field += line[at]
      else if (line[at + 1] === '"') field += line[at++]
      else break
    }
    at++
    if (at < line.length && line[at] !== ',') throw new Error(`line ${number}: extraneous or missing " in quoted-field`)
    fields.push(field)
  }
  return fields
}

const digestOf = (token: string) => createHash('sha256').update(token).digest('base64')

export function staticTokenAuthenticator(tokens: StaticTokens, audiences: readonly string[]): TokenAuthenticator {
  const users = new Map([...tokens].map(([token, user]) => [digestOf(token), user]))
  return audienceAgnostic('token-file', audiences, (_ctx, token) => users.get(digestOf(token)))
}
