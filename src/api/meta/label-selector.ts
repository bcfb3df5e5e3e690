// Label selectors in their two spellings: the text of query strings (`a=b,c!=d,e in (x,y),!f`) and the LabelSelector object of specs.
// Both become a `Selector`, which matches labels. An empty selector matches everything; `nothing` matches no object.
import type { LabelSelector } from '../types/meta.v1.ts'
import { badRequest } from './errors.ts'
import { labelValue, qualifiedName } from './names.ts'
import type { DeepReadonly } from './object.ts'

export type Labels = Readonly<Record<string, string>>
export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  readonly values: readonly string[]
  /** How `In` and `NotIn` with one value were written, for `formatSelector`. */
  readonly spelling?: '=' | '==' | '!='
}
export interface Selector {
  readonly requirements: readonly Requirement[]
  readonly nothing: boolean
}

export const everything: Selector = { requirements: [], nothing: false }
export const nothing: Selector = { requirements: [], nothing: true }

export function matches(selector: Selector, labels: Labels | undefined): boolean {
  if (selector.nothing) return false
  for (const requirement of selector.requirements) if (!requirementMatches(requirement, labels)) return false
  return true
}

export function requirementMatches({ key, operator, values }: Requirement, labels: Labels | undefined): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
    case 'Lt': {
      const [actual, bound] = [asInteger(value), asInteger(values[0])]
      if (actual === undefined || bound === undefined) return false
      return operator === 'Gt' ? actual > bound : actual < bound
    }
  }
}

const asInteger = (text: string | undefined) =>
  text !== undefined && /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined

const compiled = new WeakMap<object, Selector>()

/** The selector of a spec. k8s: no selector at all selects nothing, an empty one everything. @throws Error for a bad operator. */
export function fromLabelSelector(spec: DeepReadonly<LabelSelector> | undefined): Selector {
  if (!spec) return nothing
  const known = Object.isFrozen(spec) ? compiled.get(spec) : undefined
  if (known) return known
  const requirements: Requirement[] = equalities(spec.matchLabels)
  for (const { key, operator, values = [] } of spec.matchExpressions ?? []) {
    if (!['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator)) {
      throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`)
    }
    requirements.push({ key, operator: operator as Operator, values })
  }
  const selector = { requirements, nothing: false }
  if (Object.isFrozen(spec)) compiled.set(spec, selector)
  return selector
}

/** Every label must have exactly this value. k8s: an absent map selects everything here (Service selectors handle absence). */
export function fromMap(labels: Labels | undefined): Selector {
  return { requirements: equalities(labels), nothing: false }
}

function equalities(labels: Labels | undefined): Requirement[] {
  return Object.keys(labels ?? {})
    .sort()
    .map((key) => ({ key, operator: 'In', values: [labels![key]!], spelling: '=' }))
}

/** `fromLabelSelector` and `matches` in one; a selector with a bad operator matches nothing. */
export function selects(spec: DeepReadonly<LabelSelector> | undefined, labels: Labels | undefined): boolean {
  try {
    return matches(fromLabelSelector(spec), labels)
  } catch {
    return false
  }
}

/** The text that `parseSelector` reads: requirements in order of their keys. */
export function formatSelector(selector: Selector): string {
  const sorted = [...selector.requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return sorted.map(formatRequirement).join(',')
}

function formatRequirement({ key, operator, values, spelling }: Requirement): string {
  const list = () => `(${[...values].sort().join(',')})`
  switch (operator) {
    case 'In':
      return spelling ? `${key}${spelling}${values[0]}` : `${key} in ${list()}`
    case 'NotIn':
      return spelling ? `${key}!=${values[0]}` : `${key} notin ${list()}`
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
    case 'Gt':
      return `${key}>${values[0]}`
    case 'Lt':
      return `${key}<${values[0]}`
  }
}

/** As in `kubectl get -o wide`: `<none>` when there is nothing to show. */
export function formatLabelSelector(spec: DeepReadonly<LabelSelector> | undefined): string {
  if (!spec) return '<none>'
  try {
    return formatSelector(fromLabelSelector(spec)) || '<none>'
  } catch {
    return '<error>'
  }
}

/** `a=b,c=d` with sorted keys, `<none>` for no labels. */
export function formatLabels(labels: Labels | undefined): string {
  const keys = Object.keys(labels ?? {}).sort()
  return keys.length === 0 ? '<none>' : keys.map((key) => `${key}=${labels![key]}`).join(',')
}

interface Token {
  kind: 'word' | '!' | '=' | '==' | '!=' | '>' | '<' | '(' | ')' | ',' | 'end'
  text: string
}

function tokens(text: string): Token[] {
  const found: Token[] = []
  const pattern = /\s+|(==|!=|[!=<>(),])|([^\s!=<>(),]+)/y
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    if (match[1]) found.push({ kind: match[1] as Token['kind'], text: match[1] })
    else if (match[2]) found.push({ kind: 'word', text: match[2] })
  }
  found.push({ kind: 'end', text: '' })
  return found
}

const fail = (why: string) => badRequest(`unable to parse requirement: ${why}`)
const expected = (token: Token, what: string) => badRequest(`found '${token.text}', expected: ${what}`)
/** Inside of a requirement. */
const wanted = (token: Token, what: string) => fail(`found '${token.text}', expected: ${what}`)

/** Reads a `labelSelector` query. @throws StatusError 400. */
export function parseSelector(text: string): Selector {
  const all = tokens(text)
  const requirements: Requirement[] = []
  let at = 0
  const peek = () => all[at]!
  const take = () => all[at++]!
  if (peek().kind === 'end') return everything
  for (;;) {
    requirements.push(requirement())
    const next = take()
    if (next.kind === 'end') return { requirements, nothing: false }
    if (next.kind !== ',') throw expected(next, "',' or 'end of string'")
    if (peek().kind !== 'word' && peek().kind !== '!') throw expected(peek(), "identifier after ','")
  }

  function requirement(): Requirement {
    const absent = peek().kind === '!'
    if (absent) take()
    const word = take()
    if (word.kind !== 'word')
      throw absent ? wanted(word, 'identifier') : expected(word, "!, identifier, or 'end of string'")
    const key = checked(word.text, labelKey, '<nil>')
    if (absent) return { key, operator: 'DoesNotExist', values: [] }
    const operator = peek()
    if (operator.kind === 'end' || operator.kind === ',') return { key, operator: 'Exists', values: [] }
    take()
    switch (operator.kind) {
      case '=':
      case '==':
        return { key, operator: 'In', values: [value(key)], spelling: operator.kind }
      case '!=':
        return { key, operator: 'NotIn', values: [value(key)], spelling: '!=' }
      case '>':
      case '<':
        return { key, operator: operator.kind === '>' ? 'Gt' : 'Lt', values: [integer(key)] }
    }
    if (operator.text === 'in') return { key, operator: 'In', values: values(key) }
    if (operator.text === 'notin') return { key, operator: 'NotIn', values: values(key) }
    throw wanted(operator, 'in, notin, =, ==, !=, gt, lt')
  }

  function value(key: string): string {
    if (peek().kind === 'end' || peek().kind === ',') return ''
    const word = take()
    if (word.kind !== 'word') throw wanted(word, 'identifier')
    return checked(word.text, labelValue, `values[0][${key}]`)
  }

  function integer(key: string): string {
    const text = value(key)
    if (asInteger(text) === undefined) {
      throw fail(
        `values[0]: Invalid value: ${JSON.stringify(text)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      )
    }
    return text
  }

  function values(key: string): string[] {
    const open = take()
    if (open.kind !== '(') throw fail(`found '${open.text}' expected: '('`)
    const found: string[] = []
    for (;;) {
      if (peek().kind === ',' || peek().kind === ')') found.push('')
      else {
        const word = take()
        if (word.kind !== 'word') throw wanted(word, found.length > 0 ? "',', or identifier" : "',', ')' or identifier")
        found.push(word.text)
      }
      const next = take()
      if (next.kind === ')') return checkedAll(found, key)
      if (next.kind !== ',') throw wanted(next, "',' or ')'")
    }
  }
}

/** k8s: values are looked at in their order. */
function checkedAll(values: string[], key: string): string[] {
  for (const [i, value] of [...new Set(values)].sort().entries()) checked(value, labelValue, `values[${i}][${key}]`)
  return values
}

const labelKey = (text: string) =>
  qualifiedName(text).map((problem) => problem.replace(/^a qualified name must/, 'a valid label key must'))

function checked(text: string, rule: (value: string) => string[], field: string): string {
  const problems = rule(text)
  if (problems.length > 0) throw fail(`${field}: Invalid value: ${JSON.stringify(text)}: ${problems.join('; ')}`)
  return text
}
