// For tests: an expression's type, value or error, cost and estimate as one line of text each, with a few variables declared.
import { CostBudget, compile } from './cel.ts'
import { CelError } from './errors.ts'
import { formatTimestamp } from './library/time.ts'
import { DYN, formatType, INT, listOf, mapOf, STRING } from './types.ts'
import {
  type Duration,
  doubleOf,
  kindOf,
  type MapValue,
  mapEntries,
  type Optional,
  type Timestamp,
  type TypeValue,
  Uint,
} from './values.ts'

/** `estimate` is `min..max`, where beyond 10^15 is `max`. */
export type Fact = readonly [expression: string, type: string, value: string, cost: number, estimate: string]

const VARIABLES = { d: DYN, l: listOf(INT), m: mapOf(STRING, STRING), s: STRING, i: INT }
const BINDINGS = {
  d: { a: 1, b: 'x', c: [1, 2.5, 'z'] },
  l: [1, 2, 3],
  m: { a: '1', b: '2' },
  s: 'hello',
  i: 5,
}
const NAMES: Readonly<Record<string, string>> = {
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  null: 'null_type',
}

export function issuesOf(expression: string): string {
  const result = compile(expression, { variables: VARIABLES })
  return result.ok ? '' : result.issues.join('\n')
}

export function factOf(expression: string): Fact {
  const result = compile(expression, { variables: VARIABLES })
  if (!result.ok) return [expression, '', result.message, 0, '']
  const { program } = result
  const type = formatType(program.outputType)
  const budget = new CostBudget(1_000_000)
  const value = evaluated(() => program.evaluate(BINDINGS, budget))
  const { min, max } = program.estimateCost()
  const bound = (n: number) => (n < 1e15 ? String(n) : 'max')
  return [expression, NAMES[type] ?? type, value, budget.used, `${bound(min)}..${bound(max)}`]
}

function evaluated(run: () => unknown): string {
  try {
    return shown(run())
  } catch (err) {
    if (err instanceof CelError) return `error: ${err.message}`
    throw err
  }
}

function shown(value: unknown): string {
  switch (kindOf(value)) {
    case 'list':
      return `[${(value as unknown[]).map(shown).join(',')}]`
    case 'map': {
      const key = (k: unknown) =>
        JSON.stringify(k instanceof Uint ? String(k.value) : typeof k === 'object' ? String(doubleOf(k)) : String(k))
      return `{${[...mapEntries(value as MapValue)]
        .map(([k, v]) => `${key(k)}:${shown(v)}`)
        .sort()
        .join(',')}}`
    }
    case 'optional': {
      const { present, value: inner } = value as Optional
      return present ? `optional(${shown(inner)})` : 'none'
    }
    case 'double': {
      const number = doubleOf(value)
      return Number.isFinite(number) ? JSON.stringify(number) : number > 0 ? '+Inf' : '-Inf'
    }
    case 'uint':
      return String((value as Uint).value)
    case 'null':
      return '0'
    case 'bytes':
      return JSON.stringify(Buffer.from(value as Uint8Array).toString('base64'))
    case 'timestamp':
      return JSON.stringify(formatTimestamp(value as Timestamp))
    case 'duration':
      return String((value as Duration).ns)
    case 'type':
      return (value as TypeValue).name
    case 'string':
    case 'opaque':
      return JSON.stringify(String(value))
    default:
      return String(value)
  }
}
