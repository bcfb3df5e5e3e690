// Secret: small pieces of confidential data. Values are base64; `stringData` is folded into `data` and never stored.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { checkImmutable } from './check.ts'
import { age, integer, text } from './columns.ts'
import { validateData, validateDataUpdate } from './data-keys.ts'
import { defineKind } from './kind.ts'

export type Secret = types.Secret

export const Secret = defineKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  scope: 'Namespaced',
  description: 'Confidential data, such as passwords, keys and tokens.',
  columns: [
    text('Type', (s) => s.type ?? '', 'What the data is for.'),
    integer('Data', (s) => Object.keys(s.data ?? {}).length, 'Number of entries.'),
    age(),
  ],
  selectableFields: { type: (s) => s.type ?? '' },
  default(s) {
    s.type ||= 'Opaque'
    if (!s.stringData) return
    for (const [key, value] of Object.entries(s.stringData)) {
      s.data ??= {}
      s.data[key] = Buffer.from(value).toString('base64')
    }
    delete s.stringData
  },
  validate: (s) => [...validateData({ data: s.data }, true), ...validateType(s)],
  warnings: typeWarnings,
  validateUpdate(s, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'type', s.type, old.type)
    errors.push(...validateDataUpdate(s, old, { data: [s.data, old.data] }))
    return errors
  },
})

/** Keys that a type promises. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
}

function validateType(s: DeepReadonly<types.Secret>): FieldError[] {
  const type = s.type ?? ''
  const errors: FieldError[] = []
  for (const key of Object.hasOwn(REQUIRED_KEYS, type) ? REQUIRED_KEYS[type]! : []) {
    const value = s.data?.[key]
    if (value === undefined || (value === '' && type === 'kubernetes.io/ssh-auth')) {
      errors.push(required(`data[${key}]`))
    } else if (type.startsWith('kubernetes.io/dockerc')) {
      const problem = jsonProblem(Buffer.from(value, 'base64').toString())
      if (problem) errors.push(invalid(`data[${key}]`, '<secret contents redacted>', problem))
    }
  }
  if (type === 'kubernetes.io/service-account-token') {
    const name = s.metadata.annotations?.['kubernetes.io/service-account.name']
    if (!name) errors.push(required('metadata.annotations[kubernetes.io/service-account.name]'))
  }
  if (type === 'kubernetes.io/basic-auth' && s.data?.['username'] === undefined && s.data?.['password'] === undefined) {
    errors.push(required('data[username]'), required('data[password]'))
  }
  return errors
}

/** Undefined when the text is a JSON object. k8s: told as its own parser would; the contents are not shown. */
function jsonProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined
    const is = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    return `json: cannot unmarshal ${is} into Go value of type map[string]interface {}`
  } catch {
    const first = text.trimStart().charAt(0)
    if (first === '' || /^\s*[[{"]/.test(text)) return 'unexpected end of JSON input'
    return `invalid character '${first}' looking for beginning of value`
  }
}

/** k8s: a certificate that its key doesn't fit is let in, but told of. */
function typeWarnings(s: DeepReadonly<types.Secret>): string[] {
  if (s.type !== 'kubernetes.io/tls') return []
  const bytes = (key: string) => Buffer.from(s.data?.[key] ?? '', 'base64')
  try {
    const certificate = new X509Certificate(bytes('tls.crt'))
    if (certificate.checkPrivateKey(createPrivateKey(bytes('tls.key')))) return []
    return ['tls: private key does not match public key']
  } catch {
    const [certificate, key] = [bytes('tls.crt').toString(), bytes('tls.key').toString()]
    const part = certificate.includes('-----BEGIN CERTIFICATE-----') ? 'key' : 'certificate'
    if (part === 'key' && key.includes('PRIVATE KEY-----')) return ['tls: failed to parse private key']
    return [`tls: failed to find any PEM data in ${part} input`]
  }
}
