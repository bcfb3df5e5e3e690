// Matching in time linear in the text: all possibilities are followed at once, character by character, so that no pattern can be made to
// explode. Finds what RE2 finds: the leftmost match, the earlier alternative first.
import { CelError } from '../errors.ts'
import { type Assertion, type CharTest, isWord, parseRegex, type Regex } from './regex-syntax.ts'

type Instruction =
  | { op: 'char'; test: CharTest }
  | { op: 'split'; first: number; second: number }
  | { op: 'jump'; to: number }
  | { op: 'assert'; what: Assertion }
  | { op: 'match' }

const MAX_PROGRAM = 20_000
/** Steps over one text: a bound on time for huge texts with huge patterns. */
const MAX_STEPS = 50_000_000

export interface Matcher {
  test(text: string): boolean
  /** From and to, as offsets; from the given offset on. */
  find(text: string, from: number): [number, number] | undefined
}

const cache = new Map<string, Matcher>()
const CACHE_SIZE = 256

/** @throws CelError when the pattern is none. */
export function matcher(pattern: string): Matcher {
  const known = cache.get(pattern)
  if (known) return known
  const made = new Program(parseRegex(pattern))
  if (cache.size >= CACHE_SIZE) cache.clear()
  cache.set(pattern, made)
  return made
}

class Program implements Matcher {
  readonly #code: Instruction[] = []

  constructor(tree: Regex) {
    this.#emit(tree)
    this.#push({ op: 'match' })
  }

  #push(instruction: Instruction): number {
    if (this.#code.length >= MAX_PROGRAM) throw new CelError('error parsing regexp: expression too large')
    return this.#code.push(instruction) - 1
  }

  #emit(tree: Regex): void {
    switch (tree.kind) {
      case 'empty':
        return
      case 'char':
        this.#push({ op: 'char', test: tree.test })
        return
      case 'assert':
        this.#push({ op: 'assert', what: tree.what })
        return
      case 'sequence':
        for (const part of tree.parts) this.#emit(part)
        return
      case 'choice': {
        const jumps: { op: 'jump'; to: number }[] = []
        tree.parts.forEach((part, i) => {
          if (i === tree.parts.length - 1) {
            this.#emit(part)
            return
          }
          const split = { op: 'split' as const, first: 0, second: 0 }
          split.first = this.#push(split) + 1
          this.#emit(part)
          const jump = { op: 'jump' as const, to: 0 }
          split.second = this.#push(jump) + 1
          jumps.push(jump)
        })
        for (const jump of jumps) jump.to = this.#code.length
        return
      }
      case 'repeat':
        this.#repeat(tree)
    }
  }

  #repeat({ of, min, max, greedy }: Regex & { kind: 'repeat' }): void {
    for (let i = 0; i < min; i++) this.#emit(of)
    const splits: { op: 'split'; first: number; second: number; body: number }[] = []
    const split = () => {
      const made = { op: 'split' as const, first: 0, second: 0, body: 0 }
      made.body = this.#push(made) + 1
      splits.push(made)
      return made.body - 1
    }
    if (max === Number.POSITIVE_INFINITY) {
      const start = split()
      this.#emit(of)
      this.#push({ op: 'jump', to: start })
    } else {
      for (let i = min; i < max; i++) {
        split()
        this.#emit(of)
      }
    }
    const end = this.#code.length
    for (const made of splits) {
      made.first = greedy ? made.body : end
      made.second = greedy ? end : made.body
    }
  }

  test(text: string): boolean {
    return this.#run(text, 0, true) !== undefined
  }
  find(text: string, from: number): [number, number] | undefined {
    return this.#run(text, from, false)
  }

  #run(text: string, from: number, anyMatch: boolean): [number, number] | undefined {
    const code = this.#code
    const seen = new Int32Array(code.length).fill(-1)
    let threads: number[] = []
    let starts: number[] = []
    let best: [number, number] | undefined
    let steps = 0
    for (let at = from; ; ) {
      const pending: number[] = []
      const origins: number[] = []
      const stack: number[] = []
      // what is reachable without a character, in order of preference
      const add = (from: number, start: number): boolean => {
        stack.push(from)
        while (stack.length > 0) {
          const pc = stack.pop()!
          if (seen[pc] === at) continue
          seen[pc] = at
          steps++
          const instruction = code[pc]!
          switch (instruction.op) {
            case 'jump':
              stack.push(instruction.to)
              break
            case 'split':
              stack.push(instruction.second, instruction.first)
              break
            case 'assert':
              if (holds(instruction.what, text, at)) stack.push(pc + 1)
              break
            case 'match':
              best = [start, at]
              stack.length = 0
              return true
            case 'char':
              pending.push(pc)
              origins.push(start)
          }
        }
        return false
      }
      let matched = false
      for (let i = 0; i < threads.length && !matched; i++) matched = add(threads[i]!, starts[i]!)
      if (!matched && !best) matched = add(0, at)
      if (best && anyMatch) return best
      if (at >= text.length || (pending.length === 0 && best)) return best
      const point = text.codePointAt(at)!
      threads = []
      starts = []
      for (let i = 0; i < pending.length; i++) {
        const instruction = code[pending[i]!] as { op: 'char'; test: CharTest }
        if (instruction.test(point)) {
          threads.push(pending[i]! + 1)
          starts.push(origins[i]!)
        }
      }
      steps += pending.length
      if (steps > MAX_STEPS) throw new CelError('regular expression takes too long')
      at += point > 0xffff ? 2 : 1
    }
  }
}

function holds(what: Assertion, text: string, at: number): boolean {
  switch (what) {
    case 'textStart':
      return at === 0
    case 'textEnd':
      return at === text.length
    case 'lineStart':
      return at === 0 || text[at - 1] === '\n'
    case 'lineEnd':
      return at === text.length || text[at] === '\n'
    default: {
      const before = at > 0 && isWord(text.charCodeAt(at - 1))
      const after = at < text.length && isWord(text.charCodeAt(at))
      return (before !== after) === (what === 'word')
    }
  }
}
