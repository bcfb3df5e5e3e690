// Reads a YAML body as the JSON value it stands for, with bounds on depth and aliases (a few lines of YAML can otherwise unfold
// to gigabytes). Keys written twice are found as in JSON. The parser is loaded at the first YAML body.
import type { Document, LineCounter, ParsedNode, ScalarTag } from 'yaml'
import { loadYaml } from '../../base/yaml.ts'
import { tooLarge } from '../meta/errors.ts'
import { setKey } from './clone.ts'
import { JsonSyntaxError, MAX_DEPTH, type ParsedJson, parseJson } from './json-text.ts'

/** k8s: manifests are read with the words of YAML 1.1 for booleans (without `y` and `n`) and its octal numbers. */
const OLDER_TAGS: ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:bool',
    default: true,
    test: /^(?:[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$/,
    resolve: (text) => /^(?:y|on$)/i.test(text),
  },
  {
    tag: 'tag:yaml.org,2002:int',
    default: true,
    test: /^[-+]?0[0-7]+$/,
    resolve: (text) => Number.parseInt(text, 8),
  },
]

/** Reading more would keep everybody else waiting for more than half a second; clients send long objects as JSON. */
const MAX_YAML_CHARACTERS = 1024 * 1024
/** Nodes that aliases may add to what is written out. */
const MAX_ALIASED_NODES = 200_000
const MAX_DIRECTIVES = 100

/** The message is the sentence for the client: `yaml: line 3: …`. */
export class YamlSyntaxError extends Error {
  override name = 'YamlSyntaxError'
}

/** One document. JSON, which most clients send as YAML, does not need the YAML parser. @throws YamlSyntaxError */
export function parseYaml(text: string): ParsedJson {
  if (/^\s*\{/.test(text)) {
    try {
      return parseJson(text)
    } catch (err) {
      if (!(err instanceof JsonSyntaxError)) throw err // `{a: b}` is YAML only
    }
  }
  if (text.length > MAX_YAML_CHARACTERS) {
    throw tooLarge(`Request entity too large: limit for YAML is ${MAX_YAML_CHARACTERS}; JSON may be longer`)
  }
  checkNesting(text)
  const lines = new (loadYaml().LineCounter)()
  const document = firstDocument(text, lines)
  if (!document) return { value: null, duplicates: [] }
  const [error] = document.errors
  if (error) {
    throw new YamlSyntaxError(`yaml: line ${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`)
  }
  return toJson(document, (offset) => lines.linePos(offset).line)
}

/** Read to its end or to its first error, and no further: a megabyte of errors takes long to collect. */
function firstDocument(text: string, lines: LineCounter): Document.Parsed | undefined {
  const { Composer, Parser } = loadYaml()
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    customTags: (tags) => [...OLDER_TAGS, ...tags],
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  let directives = 0
  let failed = false
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type === 'directive' && ++directives > MAX_DIRECTIVES)
      throw new YamlSyntaxError('yaml: too many directives')
    for (const document of composer.next(token)) return document
    failed = token.type === 'error'
    if (failed) break
  }
  for (const document of composer.end(failed, text.length)) return document
  return undefined
}

/** Flow and block nesting deeper than what the rest of the server walks is refused before the parser recurses into it. */
function checkNesting(text: string): void {
  let flow = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 123 || c === 91) {
      if (++flow > MAX_DEPTH) throw new YamlSyntaxError('yaml: exceeded max depth')
    } else if (c === 125 || c === 93) flow--
  }
  // `- - - -` and indentation: a line cannot be deeper than its leading blanks and dashes
  for (const line of text.matchAll(/^[ -]+/gm)) {
    if (line[0].length > 2 * MAX_DEPTH) throw new YamlSyntaxError('yaml: exceeded max depth')
  }
}

function toJson(document: Document.Parsed, lineAt: (offset: number) => number): ParsedJson {
  const { isAlias, isMap, isScalar, isSeq } = loadYaml()
  const duplicates = new Set<string>()
  const duplicateLines: string[] = []
  // Looked up here, as the parser would search the whole document for each alias.
  const anchored = new Map<string, ParsedNode>()
  let aliasDepth = 0
  let aliasedNodes = 0

  const targetOf = (source: string): ParsedNode => {
    const target = anchored.get(source)
    if (!target) throw new YamlSyntaxError(`yaml: unknown anchor '${source}' referenced`)
    return target
  }

  const convert = (node: ParsedNode | null, path: string, depth: number): unknown => {
    if (depth > MAX_DEPTH) throw new YamlSyntaxError('yaml: exceeded max depth')
    if (aliasDepth > 0 && ++aliasedNodes > MAX_ALIASED_NODES) {
      throw new YamlSyntaxError('yaml: document contains excessive aliasing')
    }
    if (node === null) return null
    if (isAlias(node)) {
      const target = targetOf(node.source)
      aliasDepth++
      const value = convert(target, path, depth + 1)
      aliasDepth--
      return value
    }
    if (aliasDepth === 0 && node.anchor) anchored.set(node.anchor, node)
    if (isScalar(node)) return scalar(node.value)
    if (isSeq(node)) return node.items.map((item, i) => convert(item as ParsedNode, `${path}[${i}]`, depth + 1))
    if (!isMap(node)) throw new YamlSyntaxError('yaml: unsupported node')
    const out: Record<string, unknown> = {}
    const written = new Set<string>()
    for (const pair of node.items) {
      const source = isAlias(pair.key) ? targetOf(pair.key.source) : pair.key
      if (!isScalar(source)) throw new YamlSyntaxError('yaml: a map key must be a scalar')
      if (aliasDepth === 0 && source.anchor) anchored.set(source.anchor, source as ParsedNode)
      const key = String(source.value)
      const at = path ? `${path}.${key}` : key
      const value = convert(pair.value as ParsedNode | null, at, depth + 1)
      if (key === '<<' && source.type === 'PLAIN') {
        for (const base of Array.isArray(value) ? value : [value]) mergeInto(out, base, written)
        continue
      }
      if (written.has(key)) {
        duplicates.add(at)
        const line = lineAt(pair.key.range?.[0] ?? 0)
        duplicateLines.push(`line ${line}: key ${JSON.stringify(key)} already set in map`)
      }
      written.add(key)
      setKey(out, key, value)
    }
    return out
  }
  const value = convert(document.contents as ParsedNode | null, '', 0)
  return { value, duplicates: [...duplicates], duplicateLines }
}

/** `<<: *base`: keys of the base that the map does not write itself. */
function mergeInto(out: Record<string, unknown>, base: unknown, written: ReadonlySet<string>): void {
  if (typeof base !== 'object' || base === null || Array.isArray(base)) {
    throw new YamlSyntaxError('yaml: map merge requires map or sequence of maps as the value')
  }
  for (const [key, value] of Object.entries(base)) {
    if (!written.has(key) && !Object.hasOwn(out, key)) setKey(out, key, value)
  }
}

function scalar(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw new YamlSyntaxError(`yaml: json: unsupported value: ${value}`)
  }
  if (value instanceof Date) return value.toISOString()
  return String(value)
}
