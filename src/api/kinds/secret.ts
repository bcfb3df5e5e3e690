// Secret: small pieces of confidential data. Values are base64; `stringData` is folded into `data` and never stored.

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
  for (const key of REQUIRED_KEYS[type] ?? []) {
    const value = s.data?.[key]
    if (value === undefined) errors.push(required(`data[${key}]`))
    else if (type.startsWith('kubernetes.io/dockerc') && !isJson(value)) {
      errors.push(invalid(`data[${key}]`, '<secret contents redacted>', 'invalid character in JSON'))
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

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString())
    return true
  } catch {
    return false
  }
}
