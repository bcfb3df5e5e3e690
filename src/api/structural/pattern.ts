// Patterns of custom resources' schemas: Go's regular expressions, in JavaScript's terms. Compiled once each and kept, up to a bound.

const MAX_KEPT = 2000
const compiled = new Map<string, RegExp | undefined>()

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

/** @throws SyntaxError for what is no pattern */
export function compilePattern(pattern: string): RegExp {
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
  return known?.test(text) ?? true
}
