// Splits an expression into tokens. What is no token is an issue and is skipped, as the reference grammar does.
import type { Issues } from './errors.ts'

export type TokenKind = 'ident' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'symbol' | 'end'
export interface Token {
  readonly kind: TokenKind
  /** As written; for strings and bytes the decoded value stands in `value`. */
  readonly text: string
  readonly pos: number
  readonly value?: string | Uint8Array
}

const SPACE = /(?:[ \t\r\n\f]|\/\/[^\n]*)+/y
const NUMBER = /0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|\d+[uU]?/y
const IDENT = /[A-Za-z_][A-Za-z0-9_]*/y
const STRING_START = /(?:[rR]|[bB][rR]?)?(?:"""|'''|"|')/y
const SYMBOL = /==|!=|<=|>=|&&|\|\||[-+*/%!<>?:.,(){}[\]]/y

export function tokenize(source: string, issues: Issues): Token[] {
  const tokens: Token[] = []
  const match = (shape: RegExp, at: number) => {
    shape.lastIndex = at
    return shape.exec(source)?.[0]
  }
  let pos = 0
  while (pos < source.length) {
    const space = match(SPACE, pos)
    if (space) {
      pos += space.length
      continue
    }
    const start = match(STRING_START, pos)
    if (start) {
      const token = readString(source, pos, start, issues)
      if (token.token) tokens.push(token.token)
      pos = token.end
      continue
    }
    const number = match(NUMBER, pos)
    if (number) {
      const kind = /[uU]$/.test(number) ? 'uint' : /^0[xX]|^\d+$/.test(number) ? 'int' : 'double'
      tokens.push({ kind, text: number, pos })
      pos += number.length
      continue
    }
    const ident = match(IDENT, pos)
    const text = ident ?? match(SYMBOL, pos)
    if (text) {
      tokens.push({ kind: ident ? 'ident' : 'symbol', text, pos })
      pos += text.length
      continue
    }
    const character = String.fromCodePoint(source.codePointAt(pos)!)
    issues.add(pos, `Syntax error: token recognition error at: '${character}'`)
    pos += character.length
  }
  tokens.push({ kind: 'end', text: '<EOF>', pos: source.length })
  return tokens
}

function readString(source: string, pos: number, start: string, issues: Issues): { token?: Token; end: number } {
  const quote = /["']+$/.exec(start)![0]
  const raw = /[rR]/.test(start)
  const bytes = /^[bB]/.test(start)
  let end = pos + start.length
  for (;;) {
    if (end >= source.length && quote.length === 3) {
      // without an end, the first two quotes are an empty text, and the third begins another
      const text = start.slice(0, -1)
      const kind = bytes ? 'bytes' : 'string'
      return { token: { kind, text, pos, value: bytes ? new Uint8Array() : '' }, end: pos + text.length }
    }
    if (end >= source.length || (quote.length === 1 && (source[end] === '\n' || source[end] === '\r'))) {
      issues.add(pos, `Syntax error: token recognition error at: '${source.slice(pos, end)}'`)
      return { end }
    }
    if (source.startsWith(quote, end)) break
    end += source[end] === '\\' && !raw && end + 1 < source.length ? 2 : 1
  }
  const body = source.slice(pos + start.length, end)
  end += quote.length
  const text = source.slice(pos, end)
  const value = bytes ? unescapeBytes(body, raw) : raw ? body : unescapeText(body)
  if (value === undefined) {
    const wrong = WRONG_ESCAPE.exec(text)
    const until = wrong ? wrong.index + wrong[0].length : text.length
    issues.add(pos, `Syntax error: token recognition error at: '${text.slice(0, until)}'`)
    return { end: pos + until }
  }
  return { token: { kind: bytes ? 'bytes' : 'string', text, pos, value }, end }
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}
const WRONG_ESCAPE =
  /(?<!\\)(?:\\\\)*\\(?:x[0-9a-fA-F]{0,1}[^0-9a-fA-F]|u[0-9a-fA-F]{0,3}[^0-9a-fA-F]|U[0-9a-fA-F]{0,7}[^0-9a-fA-F]|[0-3][0-7]?[^0-7]|[^abfnrtvxuU0-3\\?"'`])/
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S])|$)/g

/** undefined when an escape is wrong. */
function unescapeText(body: string): string | undefined {
  let valid = true
  const text = body.replaceAll(ESCAPE, (_all, hex, short, long, octal, simple) => {
    const digits = hex ?? short ?? long
    const code = digits ? Number.parseInt(digits, 16) : octal ? Number.parseInt(octal, 8) : undefined
    if (code !== undefined) {
      if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code)
    } else if (simple !== undefined && Object.hasOwn(SIMPLE, simple)) return SIMPLE[simple]!
    valid = false
    return ''
  })
  return valid ? text : undefined
}

function unescapeBytes(body: string, raw: boolean): Uint8Array | undefined {
  if (raw) return Buffer.from(body)
  const parts: Uint8Array[] = []
  let from = 0
  for (const found of body.matchAll(ESCAPE)) {
    parts.push(Buffer.from(body.slice(from, found.index)))
    from = found.index + found[0].length
    const [, hex, short, long, octal, simple] = found
    if (short || long) return undefined
    if (hex) parts.push(Uint8Array.of(Number.parseInt(hex, 16)))
    else if (octal) parts.push(Uint8Array.of(Number.parseInt(octal, 8)))
    else if (simple !== undefined && Object.hasOwn(SIMPLE, simple)) parts.push(Buffer.from(SIMPLE[simple]!))
    else return undefined
  }
  parts.push(Buffer.from(body.slice(from)))
  return new Uint8Array(Buffer.concat(parts))
}
