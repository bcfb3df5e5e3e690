// The strings extension (version 2). Positions and lengths count characters (code points).
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import { formatText, quoteText } from './text.ts'

type Int = number | bigint
const PLAIN = /^\p{ASCII}*$/u
/** Characters by position; a string of ASCII is its own. */
const charactersOf = (text: string): string | string[] => (PLAIN.test(text) ? text : [...text])
const joined = (part: string | string[]) => (typeof part === 'string' ? part : part.join(''))

const outOfRange = (index: Int) => new CelError(`index out of range: ${index}`)

function charAt(text: string, index: Int): string {
  const characters = charactersOf(text)
  if (index < 0 || index > characters.length) throw outOfRange(index)
  return characters[Number(index)] ?? ''
}

function indexOf(text: string, part: string, from: Int = 0): number {
  if (from < 0) throw outOfRange(from)
  const characters = charactersOf(text)
  if (part === '') return Number(from) > characters.length ? -1 : Number(from)
  if (typeof characters === 'string') return from > characters.length ? -1 : characters.indexOf(part, Number(from))
  const at = joined(characters.slice(Number(from))).indexOf(part)
  return at < 0 ? -1 : Number(from) + [...joined(characters.slice(Number(from))).slice(0, at)].length
}

function lastIndexOf(text: string, part: string, from?: Int): number {
  const characters = charactersOf(text)
  if (from !== undefined && (from < 0 || from >= characters.length)) {
    if (text === '' && from === 0 && part === '') return 0
    throw outOfRange(from)
  }
  if (part === '') return from === undefined ? characters.length : Number(from)
  const size = charactersOf(part).length
  const start = from === undefined ? characters.length - size : Math.min(Number(from), characters.length - size)
  if (start < 0) return -1
  const at = joined(characters.slice(0, start + size)).lastIndexOf(part)
  return at < 0 ? -1 : typeof characters === 'string' ? at : [...text.slice(0, at)].length
}

function substring(text: string, from: Int, to?: Int): string {
  const characters = charactersOf(text)
  const end = to ?? characters.length
  if (from < 0 || from > characters.length) throw outOfRange(from)
  if (end < 0 || end > characters.length) throw outOfRange(end)
  if (from > end) throw new CelError(`invalid substring range. start: ${from}, end: ${end}`)
  return joined(characters.slice(Number(from), Number(end)))
}

function replace(text: string, part: string, by: string, limit: Int = -1): string {
  if (limit < 0) return text.replaceAll(part, () => by)
  if (limit === 0) return text
  const pieces: string[] = []
  let from = 0
  for (let n = 0; n < limit; n++) {
    const at = part === '' ? from : text.indexOf(part, from)
    if (at < 0 || (part === '' && from > text.length)) break
    if (part === '') {
      const size = (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1
      pieces.push(by, text.slice(from, from + size))
      from += size
    } else {
      pieces.push(text.slice(from, at), by)
      from = at + part.length
    }
  }
  pieces.push(text.slice(from))
  return pieces.join('')
}

function split(text: string, by: string, limit: Int = -1): string[] {
  if (limit === 0) return []
  const parts = by === '' ? [...text] : text.split(by)
  if (limit < 0 || parts.length <= limit) return parts
  const kept = parts.slice(0, Number(limit) - 1)
  return [...kept, parts.slice(Number(limit) - 1).join(by)]
}

const lower = (text: string) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase())
const upper = (text: string) => text.replace(/[a-z]+/g, (part) => part.toUpperCase())

export const stringsLibrary: Library = {
  charAt: [overload('string.(int) string', charAt)],
  indexOf: [overload('string.(string) int', indexOf), overload('string.(string, int) int', indexOf)],
  lastIndexOf: [overload('string.(string) int', lastIndexOf), overload('string.(string, int) int', lastIndexOf)],
  lowerAscii: [overload('string.() string', lower)],
  upperAscii: [overload('string.() string', upper)],
  replace: [
    overload('string.(string, string) string', replace),
    overload('string.(string, string, int) string', replace),
  ],
  split: [overload('string.(string) list<string>', split), overload('string.(string, int) list<string>', split)],
  substring: [overload('string.(int) string', substring), overload('string.(int, int) string', substring)],
  trim: [overload('string.() string', (text: string) => text.replace(/^[\s\u0085]+|[\s\u0085]+$/g, ''))],
  join: [
    overload('list<string>.() string', (parts: string[]) => join(parts, '')),
    overload('list<string>.(string) string', (parts: string[], by: string) => join(parts, by)),
  ],
  format: [overload('string.(list<dyn>) string', (text: string, args: unknown[]) => formatText(text, args))],
  'strings.quote': [overload('(string) string', quoteText)],
}
function join(parts: readonly unknown[], by: string): string {
  if (!parts.every((part) => typeof part === 'string')) throw new CelError('no such overload')
  return parts.join(by)
}
