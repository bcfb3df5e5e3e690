// JSONPath as printer columns use it: `.spec.replicas`, `.items[0].name`, `.conditions[?(@.type=="Ready")].status`, `..name`, `['a.b']`.
// Compiled once; evaluating never fails: what isn't there is not among the results.

type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'deep' }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly by: number }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly test: (value: unknown) => boolean }

export type JsonPath = (root: unknown) => unknown[]

export class JsonPathError extends Error {
  override name = 'JsonPathError'
}

/** @throws JsonPathError */
export function compileJsonPath(text: string): JsonPath {
  const steps = parse(text)
  return (root) => evaluate(steps, [root])
}

function parse(text: string): Step[] {
  const steps: Step[] = []
  let at = 0
  while (at < text.length) {
    const rest = text.slice(at)
    if (rest.startsWith('..')) {
      steps.push({ kind: 'deep' })
      at += rest.startsWith('..[') ? 2 : 1
      continue
    }
    if (rest.startsWith('[')) {
      const end = closing(text, at)
      steps.push(parseBracket(text.slice(at + 1, end).trim()))
      at = end + 1
      continue
    }
    const [whole, name = ''] = /^\.?((?:\\.|[^.[\\])*)/.exec(rest)!
    if (whole === '') throw new JsonPathError(`unexpected character in ${text}`)
    if (name === '*') steps.push({ kind: 'all' })
    else if (name !== '' && name !== '@' && name !== '$')
      steps.push({ kind: 'name', name: name.replace(/\\(.)/g, '$1') })
    at += whole.length
  }
  return steps
}

function closing(text: string, open: number): number {
  let [depth, quote] = [0, '']
  for (let i = open; i < text.length; i++) {
    const c = text[i]!
    if (quote) {
      if (c === '\\') i++
      else if (c === quote) quote = ''
    } else if (c === '"' || c === "'") quote = c
    else if (c === '[') depth++
    else if (c === ']' && --depth === 0) return i
  }
  throw new JsonPathError('unterminated array')
}

const unquote = (text: string) => text.slice(1, -1).replace(/\\(.)/g, '$1')

function parseBracket(inside: string): Step {
  if (inside === '*') return { kind: 'all' }
  if (/^(['"]).*\1$/.test(inside)) return { kind: 'name', name: unquote(inside) }
  const filter = /^\?\((.*)\)$/.exec(inside)
  if (filter) return parseFilter(filter[1]!.trim())
  const [from = '', to, by] = inside.split(':').map((part) => part.trim())
  const number = (part: string | undefined) => (part === undefined || part === '' ? undefined : Number(part))
  if (!/^-?\d*$/.test(from)) throw new JsonPathError(`invalid array index ${inside}`)
  if (to === undefined) {
    const index = Number(from)
    return { kind: 'slice', from: index, to: index === -1 ? undefined : index + 1, by: 1 }
  }
  return { kind: 'slice', from: number(from), to: number(to), by: number(by) ?? 1 }
}

function parseFilter(text: string): Step {
  const [, left = '', operator, right = ''] = /^(@[^=!<>]*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*))?$/.exec(text) ?? []
  if (!left) throw new JsonPathError(`unrecognized filter ${text}`)
  const path = parse(left)
  if (!operator) return { kind: 'filter', path, test: (value) => value !== undefined }
  const literal = literalOf(right)
  return { kind: 'filter', path, test: (value) => value !== undefined && compares(value, operator, literal) }
}

function literalOf(text: string): unknown {
  if (/^(['"]).*\1$/.test(text)) return unquote(text)
  if (text === 'true' || text === 'false') return text === 'true'
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text
}

function compares(value: unknown, operator: string, literal: unknown): boolean {
  const [a, b] = [value, literal] as [number, number]
  switch (operator) {
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    default:
      return a >= b
  }
}

function evaluate(steps: readonly Step[], roots: readonly unknown[]): unknown[] {
  let values = [...roots]
  for (const step of steps) values = values.flatMap((value) => next(step, value))
  return values
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const children = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []

function next(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case 'name':
      return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : []
    case 'all':
      return children(value)
    case 'deep':
      return [value, ...children(value).flatMap((inside) => next(step, inside))]
    case 'slice': {
      if (!Array.isArray(value)) return []
      const cut = value.slice(step.from, step.to)
      return step.by > 1 ? cut.filter((_, i) => i % step.by === 0) : cut
    }
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => step.test(evaluate(step.path, [item])[0])) : []
  }
}
