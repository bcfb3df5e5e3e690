// Regular expressions in RE2's syntax, as a tree: no back-references, no look-around. Character classes become predicates on code points.
import { CelError } from '../errors.ts'

export type CharTest = (code: number) => boolean
export type Assertion = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'word' | 'notWord'
export type Regex =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Regex[] }
  | {
      readonly kind: 'repeat'
      readonly of: Regex
      readonly min: number
      readonly max: number
      readonly greedy: boolean
    }

interface Flags {
  readonly ignoreCase: boolean
  readonly multiLine: boolean
  readonly dotAll: boolean
  readonly ungreedy: boolean
}
const MAX_REPEAT = 1000
const MAX_DEPTH = 200

const isDigit: CharTest = (c) => c >= 48 && c <= 57
export const isWord: CharTest = (c) => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95
const isSpace: CharTest = (c) => c === 32 || (c >= 9 && c <= 13 && c !== 11)
const not =
  (test: CharTest): CharTest =>
  (c) =>
    !test(c)
const between =
  (low: number, high: number): CharTest =>
  (c) =>
    c >= low && c <= high
const any =
  (...tests: CharTest[]): CharTest =>
  (c) =>
    tests.some((test) => test(c))

const PERL: Readonly<Record<string, CharTest>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: not(isDigit),
  W: not(isWord),
  S: not(isSpace),
}
const isUpper = between(65, 90)
const isLower = between(97, 122)
const POSIX: Readonly<Record<string, CharTest>> = {
  alnum: any(isDigit, isUpper, isLower),
  alpha: any(isUpper, isLower),
  ascii: between(0, 127),
  blank: (c) => c === 32 || c === 9,
  cntrl: (c) => c < 32 || c === 127,
  digit: isDigit,
  graph: between(33, 126),
  lower: isLower,
  print: between(32, 126),
  punct: any(between(33, 47), between(58, 64), between(91, 96), between(123, 126)),
  space: (c) => c === 32 || (c >= 9 && c <= 13),
  upper: isUpper,
  word: isWord,
  xdigit: any(isDigit, between(65, 70), between(97, 102)),
}
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }
const SCRIPT = /^[A-Za-z_]{1,40}$/

const fail = (message: string): never => {
  throw new CelError(`error parsing regexp: ${message}`)
}

/** @throws CelError with RE2's sentence. */
export function parseRegex(pattern: string): Regex {
  const parser = new RegexParser(pattern)
  return parser.whole()
}

class RegexParser {
  readonly #text: string
  #at = 0
  #depth = 0
  #flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false, ungreedy: false }

  constructor(text: string) {
    this.#text = text
  }

  whole(): Regex {
    const tree = this.#choice()
    if (this.#at < this.#text.length) fail(`unexpected ): \`${this.#text}\``)
    return tree
  }

  #choice(): Regex {
    if (++this.#depth > MAX_DEPTH) fail('expression nests too deeply')
    const parts = [this.#sequence()]
    while (this.#accept('|')) parts.push(this.#sequence())
    this.#depth--
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts }
  }
  #accept(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }
  #peek(): string {
    return this.#text[this.#at] ?? ''
  }

  #sequence(): Regex {
    const parts: Regex[] = []
    while (this.#at < this.#text.length && this.#peek() !== '|' && this.#peek() !== ')') {
      const start = this.#at
      if (this.#accept('\\Q')) {
        const end = this.#text.indexOf('\\E', this.#at)
        const literal = this.#text.slice(this.#at, end < 0 ? undefined : end)
        for (const c of literal) parts.push(this.#literal(c.codePointAt(0)!))
        this.#at += literal.length + (end < 0 ? 0 : 2)
        continue
      }
      const atom = this.#atom()
      if (atom) parts.push(this.#repeated(atom, start))
    }
    return parts.length === 1 ? parts[0]! : parts.length === 0 ? { kind: 'empty' } : { kind: 'sequence', parts }
  }

  #repeated(atom: Regex, start: number): Regex {
    let of = atom
    for (let times = 0; ; times++) {
      const before = this.#at
      const range = this.#range()
      if (!range) return of
      if (times > 0) fail(`invalid nested repetition operator: \`${this.#text.slice(start, this.#at)}\``)
      const [min, max] = range
      if (min > MAX_REPEAT || (Number.isFinite(max) && (max > MAX_REPEAT || max < min))) {
        fail(`invalid repeat count: \`${this.#text.slice(before, this.#at)}\``)
      }
      const lazy = this.#accept('?')
      of = { kind: 'repeat', of, min, max, greedy: lazy === this.#flags.ungreedy }
    }
  }
  #range(): [number, number] | undefined {
    if (this.#accept('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#accept('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#accept('?')) return [0, 1]
    const found = /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(this.#text.slice(this.#at, this.#at + 24))
    if (!found) return undefined
    this.#at += found[0].length
    const min = Number(found[1])
    return [min, found[2] === undefined ? min : found[3] ? Number(found[3]) : Number.POSITIVE_INFINITY]
  }

  #literal(code: number): Regex {
    return { kind: 'char', test: this.#folded((c) => c === code) }
  }
  #folded(test: CharTest): CharTest {
    if (!this.#flags.ignoreCase) return test
    return (c) => {
      if (test(c)) return true
      const text = String.fromCodePoint(c)
      const lower = text.toLowerCase().codePointAt(0)!
      return (lower !== c && test(lower)) || test(text.toUpperCase().codePointAt(0)!)
    }
  }

  /** undefined: flags only. */
  #atom(): Regex | undefined {
    const code = this.#text.codePointAt(this.#at)!
    const c = String.fromCodePoint(code)
    this.#at += c.length
    switch (c) {
      case '.':
        return { kind: 'char', test: this.#flags.dotAll ? () => true : (x) => x !== 10 }
      case '^':
        return { kind: 'assert', what: this.#flags.multiLine ? 'lineStart' : 'textStart' }
      case '$':
        return { kind: 'assert', what: this.#flags.multiLine ? 'lineEnd' : 'textEnd' }
      case '[':
        return { kind: 'char', test: this.#class() }
      case '(':
        return this.#group()
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        return fail(`missing argument to repetition operator: \`${c}\``)
    }
    return this.#literal(code)
  }

  #group(): Regex | undefined {
    const outer = this.#flags
    if (this.#accept('?')) {
      const named = /^P?<(\w+)>/.exec(this.#text.slice(this.#at, this.#at + 200))
      if (named) this.#at += named[0].length
      else {
        const found = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#text.slice(this.#at, this.#at + 12))
        if (!found) return fail(`invalid or unsupported Perl syntax: \`(?${this.#text.slice(this.#at, this.#at + 1)}\``)
        this.#at += found[0].length
        const flags = { ...outer }
        for (const [letters, on] of [
          [found[1]!, true],
          [found[2] ?? '', false],
        ] as const) {
          for (const letter of letters) {
            flags[({ i: 'ignoreCase', m: 'multiLine', s: 'dotAll', U: 'ungreedy' } as const)[letter as 'i']] = on
          }
        }
        this.#flags = flags
        if (found[3] === ')') return undefined
      }
    }
    const inner = this.#choice()
    if (!this.#accept(')')) fail(`missing closing ): \`${this.#text}\``)
    this.#flags = outer
    return inner
  }

  #escape(): Regex {
    const c = this.#peek()
    switch (c) {
      case 'A':
      case 'z':
      case 'b':
      case 'B':
        this.#at++
        return { kind: 'assert', what: ({ A: 'textStart', z: 'textEnd', b: 'word', B: 'notWord' } as const)[c] }
    }
    const test = this.#classEscape()
    return typeof test === 'number' ? this.#literal(test) : { kind: 'char', test: this.#folded(test) }
  }

  /** After a backslash: a class, or one character's code. */
  #classEscape(): CharTest | number {
    const rest = this.#text.slice(this.#at, this.#at + 50)
    const c = rest[0] ?? ''
    if (c === '') return fail('trailing backslash at end of expression: ``')
    if (Object.hasOwn(PERL, c)) {
      this.#at++
      return PERL[c]!
    }
    if (Object.hasOwn(CONTROL, c)) {
      this.#at++
      return CONTROL[c]!
    }
    const unicode = /^([pP])(?:\{(\^?)([^}]*)\}|(.))/u.exec(rest)
    if (unicode) return this.#unicode(unicode)
    const hex = /^x(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(rest)
    if (hex) {
      this.#at += hex[0].length
      const code = Number.parseInt(hex[1] ?? hex[2]!, 16)
      return code <= 0x10ffff ? code : fail(`invalid escape sequence: \`\\${hex[0]}\``)
    }
    const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)
    if (octal) {
      this.#at += octal[0].length
      return Number.parseInt(octal[0], 8)
    }
    const code = rest.codePointAt(0)!
    if (code >= 128 || isWord(code)) return fail(`invalid escape sequence: \`\\${c}\``)
    this.#at++
    return code
  }

  #unicode([all, letter, caret, braced, single]: RegExpExecArray): CharTest {
    this.#at += all.length
    const name = braced ?? single!
    let test: RegExp | undefined
    if (SCRIPT.test(name)) {
      for (const property of [name, `Script=${name}`]) {
        // k8s: general categories and scripts only
        if (property === name && !/^[CLMNPSZ][a-z]?$/.test(name)) continue
        try {
          test = new RegExp(`^\\p{${property}}$`, 'u')
          break
        } catch (err) {
          if (!(err instanceof SyntaxError)) throw err
        }
      }
    }
    if (name === 'Any') return () => letter === 'p'
    if (!test) return fail(`invalid character class range: \`\\${all}\``)
    const found = test
    const negative = (letter === 'P') !== (caret === '^')
    return (c) => found.test(String.fromCodePoint(c)) !== negative
  }

  #class(): CharTest {
    const start = this.#at - 1
    const negative = this.#accept('^')
    const tests: CharTest[] = []
    const missing = () => fail(`missing closing ]: \`${this.#text.slice(start)}\``)
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#text.length) return missing()
      const posix = /^\[:(\^?)(\w+):\]/.exec(this.#text.slice(this.#at, this.#at + 14))
      if (posix) {
        const test = Object.hasOwn(POSIX, posix[2]!)
          ? POSIX[posix[2]!]!
          : fail(`invalid character class range: \`${posix[0]}\``)
        this.#at += posix[0].length
        tests.push(posix[1] ? not(test) : test)
        continue
      }
      const from = this.#at
      const low = this.#classItem()
      if (typeof low !== 'number') {
        tests.push(low)
        continue
      }
      let high = low
      if (this.#peek() === '-' && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length) {
        this.#at++
        const end = this.#classItem()
        if (typeof end !== 'number' || end < low)
          fail(`invalid character class range: \`${this.#text.slice(from, this.#at)}\``)
        high = end as number
      }
      tests.push(between(low, high))
    }
    this.#at++
    const test = this.#folded(any(...tests))
    return negative ? not(test) : test
  }
  #classItem(): CharTest | number {
    if (this.#accept('\\')) return this.#classEscape()
    const code = this.#text.codePointAt(this.#at)
    if (code === undefined) return fail(`missing closing ]: \`${this.#text}\``)
    this.#at += code > 0xffff ? 2 : 1
    return code
  }
}
