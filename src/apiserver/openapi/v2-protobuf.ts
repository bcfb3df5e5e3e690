// The v2 document as `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`: kubectl and client libraries ask for it because
// they read it faster than JSON. Each message is a small table: which JSON key becomes which field number, and how.

import { ProtobufWriter } from '../../api/schema/protobuf-wire.ts'
import type { Json } from './definitions.ts'

export function encodeV2(document: Json): Uint8Array {
  const writer = new ProtobufWriter()
  write(writer, DOCUMENT, document)
  return writer.finish()
}

type How =
  | 'string'
  | 'strings'
  | 'bool'
  | 'double'
  | 'int64'
  | 'any'
  | 'anys'
  /** Schema.type: one string in JSON, a list inside a message. */
  | 'type'
  | { one: () => Message }
  | { many: () => Message }
  /** An object whose entries become (name, value) messages inside a wrapping message. */
  | { named: () => Message }
  /** As `named`, each value a list of strings. */
  | 'scopes'

interface Message {
  fields: Readonly<Record<string, readonly [number: number, how: How]>>
  /** Field of the `x-…` keys as (name, any) pairs. */
  extensions?: number
  /** Chooses the message for a value where the format has alternatives, each in a field of its own. */
  choose?: (value: Json) => readonly [number: number, message: Message]
  /** Where all other keys go as (name, value) pairs: Paths, Responses. */
  others?: readonly [number: number, message: () => Message]
}

const SCHEMA: Message = {
  fields: {
    $ref: [1, 'string'],
    format: [2, 'string'],
    title: [3, 'string'],
    description: [4, 'string'],
    default: [5, 'any'],
    maximum: [7, 'double'],
    minimum: [9, 'double'],
    maxLength: [11, 'int64'],
    minLength: [12, 'int64'],
    pattern: [13, 'string'],
    maxItems: [14, 'int64'],
    minItems: [15, 'int64'],
    uniqueItems: [16, 'bool'],
    maxProperties: [17, 'int64'],
    minProperties: [18, 'int64'],
    required: [19, 'strings'],
    enum: [20, 'anys'],
    additionalProperties: [21, { one: () => ADDITIONAL_PROPERTIES }],
    type: [22, 'type'],
    items: [23, { one: () => ITEMS }],
    allOf: [24, { many: () => SCHEMA }],
    properties: [25, { named: () => SCHEMA }],
  },
  extensions: 31,
}
const ADDITIONAL_PROPERTIES: Message = { fields: {}, choose: () => [1, SCHEMA] }
const ITEMS: Message = { fields: {}, choose: () => [1, SCHEMA] }

const BODY_PARAMETER: Message = {
  fields: {
    description: [1, 'string'],
    name: [2, 'string'],
    in: [3, 'string'],
    required: [4, 'bool'],
    schema: [5, { one: () => SCHEMA }],
  },
  extensions: 6,
}
const QUERY_PARAMETER: Message = {
  fields: {
    required: [1, 'bool'],
    in: [2, 'string'],
    description: [3, 'string'],
    name: [4, 'string'],
    type: [6, 'string'],
    format: [7, 'string'],
    uniqueItems: [20, 'bool'],
  },
  extensions: 23,
}
const PATH_PARAMETER: Message = {
  fields: {
    required: [1, 'bool'],
    in: [2, 'string'],
    description: [3, 'string'],
    name: [4, 'string'],
    type: [5, 'string'],
    format: [6, 'string'],
    uniqueItems: [19, 'bool'],
  },
  extensions: 22,
}
const NON_BODY_PARAMETER: Message = {
  fields: {},
  choose: (value) => (value['in'] === 'path' ? [4, PATH_PARAMETER] : [3, QUERY_PARAMETER]),
}
const PARAMETER: Message = {
  fields: {},
  choose: (value) => (value['in'] === 'body' ? [1, BODY_PARAMETER] : [2, NON_BODY_PARAMETER]),
}
const PARAMETERS_ITEM: Message = { fields: {}, choose: () => [1, PARAMETER] }

const SCHEMA_ITEM: Message = { fields: {}, choose: () => [1, SCHEMA] }
const RESPONSE: Message = {
  fields: { description: [1, 'string'], schema: [2, { one: () => SCHEMA_ITEM }] },
  extensions: 5,
}
const RESPONSE_VALUE: Message = { fields: {}, choose: () => [1, RESPONSE] }
const RESPONSES: Message = { fields: {}, extensions: 2, others: [1, () => RESPONSE_VALUE] }

const OPERATION: Message = {
  fields: {
    tags: [1, 'strings'],
    summary: [2, 'string'],
    description: [3, 'string'],
    operationId: [5, 'string'],
    produces: [6, 'strings'],
    consumes: [7, 'strings'],
    parameters: [8, { many: () => PARAMETERS_ITEM }],
    responses: [9, { one: () => RESPONSES }],
    schemes: [10, 'strings'],
    deprecated: [11, 'bool'],
  },
  extensions: 13,
}
const PATH_ITEM: Message = {
  fields: {
    get: [2, { one: () => OPERATION }],
    put: [3, { one: () => OPERATION }],
    post: [4, { one: () => OPERATION }],
    delete: [5, { one: () => OPERATION }],
    options: [6, { one: () => OPERATION }],
    head: [7, { one: () => OPERATION }],
    patch: [8, { one: () => OPERATION }],
    parameters: [9, { many: () => PARAMETERS_ITEM }],
  },
  extensions: 10,
}
const PATHS: Message = { fields: {}, extensions: 1, others: [2, () => PATH_ITEM] }

const API_KEY: Message = {
  fields: { type: [1, 'string'], name: [2, 'string'], in: [3, 'string'], description: [4, 'string'] },
  extensions: 5,
}
const SECURITY_DEFINITION: Message = { fields: {}, choose: () => [2, API_KEY] }

const DOCUMENT: Message = {
  fields: {
    swagger: [1, 'string'],
    info: [
      2,
      { one: () => ({ fields: { title: [1, 'string'], version: [2, 'string'], description: [3, 'string'] } }) },
    ],
    paths: [8, { one: () => PATHS }],
    definitions: [9, { named: () => SCHEMA }],
    security: [12, 'scopes'],
    securityDefinitions: [13, { named: () => SECURITY_DEFINITION }],
  },
  extensions: 16,
}

function write(out: ProtobufWriter, message: Message, value: Json): void {
  if (message.choose) {
    const [number, chosen] = message.choose(value)
    out.message(number, () => write(out, chosen, value))
    return
  }
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue
    const field = message.fields[key]
    if (field) writeField(out, field[0], field[1], entry)
    else if (key.startsWith('x-') && message.extensions) namedAny(out, message.extensions, key, entry)
    else if (message.others) {
      const [number, other] = message.others
      named(out, number, other(), key, entry as Json)
    }
  }
}

function writeField(out: ProtobufWriter, number: number, how: How, value: unknown): void {
  if (how === 'string') out.string(number, value as string)
  else if (how === 'strings') for (const text of value as string[]) out.string(number, text)
  else if (how === 'bool') out.bool(number, value as boolean)
  else if (how === 'double') out.double(number, value as number)
  else if (how === 'int64') out.varint(number, value as number)
  else if (how === 'any') any(out, number, value)
  else if (how === 'anys') for (const entry of value as unknown[]) any(out, number, entry)
  else if (how === 'type') out.message(number, () => out.string(1, value as string))
  else if (how === 'scopes') {
    for (const requirement of value as Record<string, string[]>[]) {
      out.message(number, () => {
        for (const [name, scopes] of Object.entries(requirement)) {
          out.message(1, () => {
            out.string(1, name)
            out.message(2, () => {
              for (const scope of scopes) out.string(1, scope)
            })
          })
        }
      })
    }
  } else if ('one' in how) out.message(number, () => write(out, how.one(), value as Json))
  else if ('many' in how) for (const entry of value as Json[]) out.message(number, () => write(out, how.many(), entry))
  else {
    out.message(number, () => {
      for (const [name, entry] of Object.entries(value as Json)) named(out, 1, how.named(), name, entry as Json)
    })
  }
}

function named(out: ProtobufWriter, number: number, message: Message, name: string, value: Json): void {
  out.message(number, () => {
    out.string(1, name)
    out.message(2, () => write(out, message, value))
  })
}

function namedAny(out: ProtobufWriter, number: number, name: string, value: unknown): void {
  out.message(number, () => {
    out.string(1, name)
    any(out, 2, value)
  })
}

/** Any value travels as YAML text; JSON is YAML. */
function any(out: ProtobufWriter, number: number, value: unknown): void {
  out.message(number, () => out.string(2, `${JSON.stringify(value)}\n`))
}
