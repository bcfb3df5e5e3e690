// Patterns of custom resources' schemas: Go's regular expressions, matched in time linear in the text, so that nobody can stop the server
// with a pattern that explodes. Compiled once each and kept, up to a bound.
import { CelError } from '../cel/errors.ts'
import { type Matcher, matcher } from '../cel/library/regex-program.ts'

const MAX_KEPT = 2000
const compiled = new Map<string, Matcher | undefined>()

/** @throws CelError for what is no pattern, in Go's words */
export const compilePattern = (pattern: string): Matcher => matcher(pattern)

/**
 * A pattern that cannot be understood restricts nothing: its definition was refused or is old. A text on which it takes too long does
 * not match.
 */
export function patternMatches(pattern: string, text: string): boolean {
  let known = compiled.get(pattern)
  if (!known && !compiled.has(pattern)) {
    known = compiledOrNone(pattern)
    if (compiled.size >= MAX_KEPT) compiled.clear()
    compiled.set(pattern, known)
  }
  if (!known) return true
  try {
    return known.test(text)
  } catch (err) {
    if (err instanceof CelError) return false
    throw err
  }
}

function compiledOrNone(pattern: string): Matcher | undefined {
  try {
    return compilePattern(pattern)
  } catch (err) {
    if (err instanceof CelError) return undefined
    throw err
  }
}
