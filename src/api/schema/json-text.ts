// Reads JSON text the way the API must: JSON.parse for the value, plus what it does not tell: keys written twice (with their
// path), too deep nesting, and syntax errors in the sentences of the real server. The scan beside JSON.parse only counts keys and
// depth; paths are worked out only when something is wrong.

/** Deeper bodies are refused: what walks them recurses. */
export const MAX_DEPTH = 1000
/** Duplicates reported for one body. */
const MAX_REPORTED = 100

export interface ParsedJson {
  value: unknown
  /** Paths like `metadata.labels.app` or `spec.containers[0].image`; the last value won. */
  duplicates: string[]
  /** YAML says it by line instead: `line 7: key "app" already set in map`. */
  duplicateLines?: string[]
}

/** @throws JsonSyntaxError */
export function parseJson(text: string): ParsedJson {
  const keys = countKeys(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new JsonSyntaxError(syntaxError(text))
  }
  return { value, duplicates: keys === keysIn(value) ? [] : findDuplicates(text) }
}

/** The message is the API's: `invalid character 'x' looking for beginning of value`. */
export class JsonSyntaxError extends Error {
  override name = 'JsonSyntaxError'
}

const QUOTE = 34
const COLON = 58
const BACKSLASH = 92

/** Index of the quote that ends the string which starts at `start`, or the text's length. */
function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
}

function countKeys(text: string): number {
  let keys = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === QUOTE) i = endOfString(text, i)
    else if (c === COLON) keys++
    else if (c === 123 || c === 91) {
      if (++depth > MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth')
    } else if (c === 125 || c === 93) depth--
  }
  return keys
}

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let keys = 0
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) keys += keysIn(value[i])
    return keys
  }
  for (const key in value) {
    const entry = (value as Record<string, unknown>)[key]
    keys += typeof entry === 'object' ? 1 + keysIn(entry) : 1
  }
  return keys
}

interface Frame {
  /** Undefined for an array. */
  keys: Set<string> | undefined
  /** Path of the container itself. */
  path: string
  index: number
  key: string
}

/** The text is known to be valid JSON. */
function findDuplicates(text: string): string[] {
  const found = new Set<string>()
  const stack: Frame[] = []
  const pathOfValue = () => {
    const top = stack.at(-1)
    if (!top) return ''
    if (!top.keys) return `${top.path}[${top.index}]`
    return top.path ? `${top.path}.${top.key}` : top.key
  }
  for (let i = 0; i < text.length && found.size < MAX_REPORTED; i++) {
    const c = text[i]
    const top = stack.at(-1)
    if (c === '{') stack.push({ keys: new Set(), path: pathOfValue(), index: 0, key: '' })
    else if (c === '[') stack.push({ keys: undefined, path: pathOfValue(), index: 0, key: '' })
    else if (c === '}' || c === ']') stack.pop()
    else if (c === ',' && top && !top.keys) top.index++
    else if (c === '"') {
      const end = endOfString(text, i)
      if (top?.keys && isKey(text, end + 1)) {
        top.key = JSON.parse(text.slice(i, end + 1)) as string
        if (top.keys.has(top.key)) found.add(pathOfValue())
        top.keys.add(top.key)
      }
      i = end
    }
  }
  return [...found]
}

/** Is the string that ends before `at` followed by a colon? */
function isKey(text: string, at: number): boolean {
  let next = at
  while (' \t\r\n'.includes(text[next] ?? 'x')) next++
  return text.charCodeAt(next) === COLON
}

/** k8s: what the real decoder says of text that is not JSON. Walks to the first wrong character. */
function syntaxError(text: string): string {
  let i = 0
  const end = 'unexpected end of JSON input'
  const shown = (c: string) => (c === "'" ? `'\\''` : c === '"' ? `'"'` : `'${JSON.stringify(c).slice(1, -1)}'`)
  const wrong = (where: string) =>
    i >= text.length ? end : `invalid character ${shown(String.fromCodePoint(text.codePointAt(i)!))} ${where}`
  const space = () => {
    while (i < text.length && ' \t\r\n'.includes(text[i]!)) i++
  }
  const string = (): string | undefined => {
    for (i++; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === QUOTE) {
        i++
        return undefined
      }
      if (c < 32) return wrong('in string literal')
      if (c === BACKSLASH) {
        i++
        if (i < text.length && !'"\\/bfnrtu'.includes(text[i]!)) return wrong('in string escape code')
        if (text[i] === 'u') {
          for (let n = 0; n < 4; n++) {
            i++
            if (!/[0-9a-fA-F]/.test(text[i] ?? '')) return wrong('in \\u hexadecimal character escape')
          }
        }
      }
    }
    return end
  }
  const number = (): string | undefined => {
    if (text[i] === '-') i++
    if (text[i] === '0') i++
    else if (/[1-9]/.test(text[i] ?? '')) while (/[0-9]/.test(text[i] ?? '')) i++
    else return wrong('in numeric literal')
    if (text[i] === '.') {
      i++
      if (!/[0-9]/.test(text[i] ?? '')) return wrong('after decimal point in numeric literal')
      while (/[0-9]/.test(text[i] ?? '')) i++
    }
    if (text[i] === 'e' || text[i] === 'E') {
      i++
      if (text[i] === '+' || text[i] === '-') i++
      if (!/[0-9]/.test(text[i] ?? '')) return wrong('in exponent of numeric literal')
      while (/[0-9]/.test(text[i] ?? '')) i++
    }
    return undefined
  }
  const value = (): string | undefined => {
    space()
    const c = text[i]
    if (c === '"') return string()
    if (c === '{') return container('}')
    if (c === '[') return container(']')
    if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) return number()
    for (const word of ['true', 'false', 'null']) {
      if (c !== word[0]) continue
      for (let n = 0; n < word.length; n++, i++) {
        if (text[i] !== word[n]) return wrong(`in literal ${word} (expecting '${word[n]}')`)
      }
      return undefined
    }
    return wrong('looking for beginning of value')
  }
  const container = (close: '}' | ']'): string | undefined => {
    i++
    space()
    if (text[i] === close) {
      i++
      return undefined
    }
    for (;;) {
      if (close === '}') {
        space()
        if (text[i] !== '"') return wrong('looking for beginning of object key string')
        const inKey = string()
        if (inKey) return inKey
        space()
        if (text[i] !== ':') return wrong('after object key')
        i++
      }
      const inside = value()
      if (inside) return inside
      space()
      if (text[i] === close) {
        i++
        return undefined
      }
      if (text[i] !== ',') return wrong(close === '}' ? 'after object key:value pair' : 'after array element')
      i++
    }
  }
  const inside = value()
  if (inside) return inside
  space()
  return i < text.length ? wrong('after top-level value') : 'invalid JSON'
}
