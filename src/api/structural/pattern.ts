// Patterns of custom resources' schemas: Go's regular expressions. Compiled once each and kept, up to a bound. Whoever may define a
// resource chooses the pattern, and whoever may create one the text: only patterns that can't take long are left to JavaScript's own
// engine, which tries one possibility after another; the others, and all long texts, to the one that follows all at once.
import { matcher } from '../cel/library/regex.ts'
import { parseRegex, type Regex } from '../cel/library/regex-syntax.ts'

interface Pattern {
  test(text: string): boolean
}

const MAX_KEPT = 2000
const compiled = new Map<string, Pattern | undefined>()

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}

/** Of a text that is left to JavaScript. */
const SHORT = 500
/** k8s: a pattern may repeat so often; more costs memory. */
const FEW = 10

/** @throws Error for what is no pattern */
export function compilePattern(pattern: string): Pattern {
  if (wanders(parseRegex(pattern)) > 2) return matcher(pattern)
  const own = inJavaScript(pattern)
  return { test: (text) => (text.length <= SHORT ? own.test(text) : matcher(pattern).test(text)) }
}

/** In how many places a match may be longer or shorter by much, each of which multiplies the work; repeats of such places: endless. */
function wanders(tree: Regex): number {
  switch (tree.kind) {
    case 'sequence':
    case 'choice':
      return tree.parts.reduce((sum, part) => sum + wanders(part), 0)
    case 'repeat': {
      const inner = wanders(tree.of)
      if (tree.max <= 1) return inner
      return inner > 0 || branches(tree.of) ? Number.POSITIVE_INFINITY : tree.max > FEW ? 1 : 0
    }
  }
  return 0
}

/** Whether the same text may be matched in several ways. */
function branches(tree: Regex): boolean {
  switch (tree.kind) {
    case 'sequence':
      return tree.parts.some(branches)
    case 'choice':
    case 'repeat':
      return true
  }
  return false
}

function inJavaScript(pattern: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replace(/\[:(\w+):\]/g, (whole, name: string) => POSIX[name] ?? whole)
    .replace(/\(\?P</g, '(?<')
    .replace(/\\([Az])/g, (_, letter: string) => (letter === 'A' ? '(?<![\\s\\S])' : '(?![\\s\\S])'))
  try {
    return new RegExp(source, `${flags?.[1] ?? ''}u`)
  } catch {
    return new RegExp(source, flags?.[1] ?? '') // Go allows escapes that mean nothing, as JavaScript does without Unicode rules
  }
}

/** A pattern that cannot be understood restricts nothing: its definition was refused or is old. */
export function patternMatches(pattern: string, text: string): boolean {
  let known = compiled.get(pattern)
  if (!known && !compiled.has(pattern)) {
    try {
      known = compilePattern(pattern)
    } catch {
      known = undefined
    }
    if (compiled.size >= MAX_KEPT) compiled.clear()
    compiled.set(pattern, known)
  }
  try {
    return known?.test(text) ?? true
  } catch {
    return false // it would take too long to tell
  }
}
