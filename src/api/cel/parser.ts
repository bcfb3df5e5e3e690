// From tokens to the tree: precedence climbing. Stops at the first syntax error. Size and depth are bounded.
import type { Expr, MapEntry, StructField } from './ast.ts'
import type { Issues } from './errors.ts'
import { type Token, tokenize } from './lexer.ts'
import { expandMacro, MacroError } from './macros.ts'
import { Double, toInt, Uint } from './values.ts'

const MAX_CODE_POINTS = 100_000
const MAX_DEPTH = 250
/** Nodes that macros may multiply an expression to. */
const OPERAND =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
const RESERVED = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const RELATIONS = new Set(['==', '!=', '<', '<=', '>', '>=', 'in'])
const MAX_INT = 2n ** 63n
const MAX_UINT = 2n ** 64n

class SyntaxStop extends Error {}

/** The tree, or undefined with issues. */
export function parse(source: string, issues: Issues): Expr | undefined {
  if (source.length > MAX_CODE_POINTS) {
    issues.add(0, `expression code point size exceeds limit: size: ${source.length}, limit ${MAX_CODE_POINTS}`)
    return undefined
  }
  const parser = new Parser(tokenize(source, issues), issues)
  try {
    const expr = parser.whole()
    return issues.list.length === 0 ? expr : undefined
  } catch (err) {
    if (err instanceof SyntaxStop) return undefined
    throw err
  }
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #issues: Issues
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[], issues: Issues) {
    this.#tokens = tokens
    this.#issues = issues
  }

  whole(): Expr {
    const expr = this.#expr()
    const rest = this.#peek()
    if (rest.kind !== 'end') this.#fail(rest.pos, `Syntax error: extraneous input '${rest.text}' expecting <EOF>`)
    return expr
  }

  #peek(): Token {
    return this.#tokens[this.#at]!
  }
  #next(): Token {
    return this.#tokens[this.#at++]!
  }
  #is(text: string): boolean {
    const token = this.#peek()
    return token.text === text && (token.kind === 'symbol' || (text === 'in' && token.kind === 'ident'))
  }
  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#next() : undefined
  }
  #expect(text: string, list = false): Token {
    const token = this.#accept(text)
    if (token) return token
    const found = this.#peek()
    if (list) this.#fail(found.pos, `Syntax error: mismatched input '${found.text}' expecting {'${text}', ','}`)
    const verb = found.kind === 'end' || text === ')' ? 'missing' : 'mismatched'
    return this.#fail(
      found.pos,
      verb === 'missing'
        ? `Syntax error: missing '${text}' at '${found.text}'`
        : `Syntax error: mismatched input '${found.text}' expecting '${text}'`,
    )
  }
  #fail(pos: number, message: string): never {
    this.#issues.add(pos, message)
    throw new SyntaxStop()
  }
  #deeper<T>(work: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.#fail(this.#peek().pos, `expression recursion limit exceeded: ${MAX_DEPTH}`)
    const value = work()
    this.#depth--
    return value
  }

  #expr(): Expr {
    return this.#deeper(() => {
      const condition = this.#logical('||')
      const question = this.#accept('?')
      if (!question) return condition
      const yes = this.#logical('||')
      this.#expect(':')
      return this.#call(question.pos, '_?_:_', [condition, yes, this.#expr()])
    })
  }

  #call(pos: number, fn: string, args: Expr[], target?: Expr): Expr {
    return { kind: 'call', pos, fn, target, args }
  }

  /** Chains are balanced, so that long ones are not deep. */
  #logical(operator: '||' | '&&'): Expr {
    const operand = () => (operator === '||' ? this.#logical('&&') : this.#relation())
    const terms = [operand()]
    const positions: number[] = []
    for (let token = this.#accept(operator); token; token = this.#accept(operator)) {
      positions.push(token.pos)
      terms.push(operand())
    }
    const balanced = (low: number, high: number): Expr => {
      if (low === high) return terms[low]!
      const middle = (low + high) >> 1
      return this.#call(positions[middle]!, `_${operator}_`, [balanced(low, middle), balanced(middle + 1, high)])
    }
    return balanced(0, terms.length - 1)
  }

  #chain(operators: (text: string) => boolean, operand: () => Expr): Expr {
    let left = operand()
    let length = 0
    while (operators(this.#peek().text) && (this.#peek().kind === 'symbol' || this.#peek().text === 'in')) {
      const token = this.#next()
      if (++length > MAX_DEPTH) this.#fail(token.pos, `expression recursion limit exceeded: ${MAX_DEPTH}`)
      const fn = token.text === 'in' ? '@in' : `_${token.text}_`
      left = this.#call(token.pos, fn, [left, operand()])
    }
    return left
  }
  #relation(): Expr {
    return this.#chain(
      (text) => RELATIONS.has(text),
      () => this.#sum(),
    )
  }
  #sum(): Expr {
    return this.#chain(
      (text) => text === '+' || text === '-',
      () => this.#product(),
    )
  }
  #product(): Expr {
    return this.#chain(
      (text) => text === '*' || text === '/' || text === '%',
      () => this.#unary(),
    )
  }

  #unary(): Expr {
    const token = this.#peek()
    if (token.kind === 'symbol' && (token.text === '!' || token.text === '-')) {
      this.#next()
      const following = this.#peek()
      if (token.text === '-' && (following.kind === 'int' || following.kind === 'double')) {
        return this.#members(this.#number(this.#next(), token))
      }
      const operand = this.#deeper(() => this.#unary())
      // k8s: `!!a` is `a`
      if (operand.kind === 'call' && operand.fn === `${token.text}_` && following.text === token.text) {
        return operand.args[0]!
      }
      return this.#call(token.pos, `${token.text}_`, [operand])
    }
    return this.#members(this.#primary())
  }

  #number(token: Token, minus?: Token): Expr {
    const pos = (minus ?? token).pos
    const sign = minus ? '-' : ''
    if (token.kind === 'double') return { kind: 'literal', pos, value: new Double(Number(sign + token.text)) }
    const value = BigInt(token.text.replace(/[uU]$/, ''))
    if (token.kind === 'uint') {
      if (value >= MAX_UINT) this.#fail(pos, 'invalid uint literal')
      return { kind: 'literal', pos, value: new Uint(value) }
    }
    if (value > MAX_INT || (value === MAX_INT && !minus)) this.#fail(pos, 'invalid int literal')
    return { kind: 'literal', pos, value: toInt(minus ? -value : value) }
  }

  #primary(): Expr {
    const token = this.#next()
    const { pos } = token
    switch (token.kind) {
      case 'int':
      case 'uint':
      case 'double':
        return this.#number(token)
      case 'string':
      case 'bytes':
        return { kind: 'literal', pos, value: token.value }
      case 'ident':
        return this.#name(token, false)
      case 'symbol':
        if (token.text === '(') {
          const inner = this.#expr()
          this.#expect(')')
          return inner
        }
        if (token.text === '[') return this.#list(pos)
        if (token.text === '{') return { kind: 'map', pos, entries: this.#entries() }
        if (token.text === '.' && this.#peek().kind === 'ident') return this.#name(this.#next(), true)
    }
    const kind = token.kind !== 'end' && this.#peek().kind !== 'end' ? 'extraneous' : 'mismatched'
    return this.#fail(pos, `Syntax error: ${kind} input '${token.text}' expecting ${OPERAND}`)
  }

  #name(token: Token, absolute: boolean): Expr {
    const { pos, text } = token
    if (!absolute) {
      if (text === 'true' || text === 'false') return { kind: 'literal', pos, value: text === 'true' }
      if (text === 'null') return { kind: 'literal', pos, value: null }
    }
    if (RESERVED.has(text)) this.#fail(pos, `Syntax error: reserved identifier: ${text}`)
    if (text === 'in' || text === 'true' || text === 'false' || text === 'null') {
      this.#fail(pos, `Syntax error: mismatched input '${text}' expecting ${OPERAND}`)
    }
    const open = this.#accept('(')
    if (open) return this.#invoke(open.pos, text, undefined)
    return { kind: 'ident', pos, name: text, ...(absolute ? { absolute } : {}) }
  }

  #invoke(pos: number, fn: string, target: Expr | undefined): Expr {
    const args: Expr[] = []
    if (!this.#accept(')')) {
      do args.push(this.#expr())
      while (this.#accept(','))
      this.#expect(')')
    }
    try {
      return expandMacro(fn, target, args, pos) ?? this.#call(pos, fn, args, target)
    } catch (err) {
      if (err instanceof MacroError) this.#fail(err.pos, err.message)
      throw err
    }
  }

  #members(primary: Expr): Expr {
    let expr = primary
    for (let length = 0; ; length++) {
      const token = this.#peek()
      if (token.kind !== 'symbol') return expr
      if (length > MAX_DEPTH) this.#fail(token.pos, `expression recursion limit exceeded: ${MAX_DEPTH}`)
      if (token.text === '.') {
        this.#next()
        const optional = this.#accept('?') !== undefined
        const name = this.#next()
        if (
          name.kind !== 'ident' ||
          name.text === 'in' ||
          name.text === 'true' ||
          name.text === 'false' ||
          name.text === 'null'
        ) {
          this.#fail(
            name.pos,
            `Syntax error: no viable alternative at input '.${name.kind === 'end' ? '' : name.text}'`,
          )
        }
        const open = optional ? undefined : this.#accept('(')
        expr = open
          ? this.#invoke(open.pos, name.text, expr)
          : { kind: 'select', pos: token.pos, operand: expr, field: name.text, test: false, optional }
      } else if (token.text === '[') {
        this.#next()
        const optional = this.#accept('?') !== undefined
        const index = this.#expr()
        this.#expect(']')
        expr = this.#call(token.pos, optional ? '_[?_]' : '_[_]', [expr, index])
      } else if (token.text === '{') {
        const name = qualifiedName(expr)
        if (name === undefined) return expr
        this.#next()
        expr = { kind: 'struct', pos: token.pos, name, fields: this.#fields() }
      } else return expr
    }
  }

  #list(pos: number): Expr {
    const items: Expr[] = []
    const optional = new Set<number>()
    while (!this.#accept(']')) {
      if (this.#accept('?')) optional.add(items.length)
      items.push(this.#expr())
      if (this.#accept(',')) continue
      this.#expect(']', true)
      break
    }
    return { kind: 'list', pos, items, optional }
  }

  #entries(): MapEntry[] {
    const entries: MapEntry[] = []
    while (!this.#accept('}')) {
      const optional = this.#accept('?') !== undefined
      const key = this.#expr()
      this.#expect(':')
      entries.push({ key, value: this.#expr(), optional })
      if (this.#accept(',')) continue
      this.#expect('}', true)
      break
    }
    return entries
  }

  #fields(): StructField[] {
    const fields: StructField[] = []
    while (!this.#accept('}')) {
      const optional = this.#accept('?') !== undefined
      const name = this.#next()
      if (name.kind !== 'ident') {
        this.#fail(name.pos, `Syntax error: mismatched input '${name.text}' expecting {'}', ',', IDENTIFIER}`)
      }
      const { pos } = this.#expect(':')
      fields.push({ name: name.text, value: this.#expr(), optional, pos })
      if (this.#accept(',')) continue
      this.#expect('}', true)
      break
    }
    return fields
  }
}

/** `a.b.c` as one name; undefined when the expression is no chain of names. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name
  if (expr.kind !== 'select' || expr.test || expr.optional) return undefined
  const operand = qualifiedName(expr.operand)
  return operand === undefined ? undefined : `${operand}.${expr.field}`
}
