// `fieldPath` of a rule: `.spec.ports`, `['odd name']`; checked against the schema, shown as the API shows paths.
import type { JSONSchemaProps } from '../types/apiextensions.v1.ts'
import { subSchema } from './schema-types.ts'

const TOKEN = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+/gy
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
}

/** The path behind the rule's own (`spec.ports`, `[key]`); undefined when the schema has no such field. */
export function relativeFieldPath(path: string, schema: JSONSchemaProps): string | undefined {
  const tokens = path.match(TOKEN) ?? []
  if (tokens.join('') !== path) return undefined
  let node: JSONSchemaProps | undefined = schema
  let shown = ''
  for (let i = 0; i < tokens.length; ) {
    let name: string
    if (tokens[i] === '[') {
      const [quoted, close] = [tokens[i + 1], tokens[i + 2]]
      if (!quoted?.startsWith("'") || quoted.length < 2 || close !== ']') return undefined
      let valid = true
      name = quoted.slice(1, -1).replace(/\\(.)/g, (_all, c: string) => {
        if (!Object.hasOwn(ESCAPES, c)) valid = false
        return ESCAPES[c] ?? ''
      })
      if (!valid) return undefined
      i += 3
    } else if (tokens[i] === '.' && tokens[i + 1] !== undefined) {
      name = tokens[i + 1]!
      i += 2
    } else return undefined
    if (node.properties) {
      node = Object.hasOwn(node.properties, name) ? node.properties[name] : undefined
      shown += shown ? `.${name}` : name
    } else {
      node = subSchema(node.additionalProperties)
      shown += `[${name}]`
    }
    if (!node) return undefined
  }
  return shown
}
