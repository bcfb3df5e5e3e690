// Seeded fuzzing: whatever is compiled gives a program or issues, whatever is evaluated gives a value or a CelError; none takes long.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CostBudget, compile } from './cel.ts'
import { CelError } from './errors.ts'
import { matcher } from './library/regex-program.ts'
import { DYN, INT, listOf, mapOf, STRING } from './types.ts'

const VARIABLES = { d: DYN, l: listOf(INT), m: mapOf(STRING, STRING), s: STRING, i: INT }
const BINDINGS = {
  d: { a: 1, b: 'x', c: [1, 2.5, null, { k: [] }], __proto__x: true },
  l: [1, -2, 3],
  m: { a: '1', constructor: '2' },
  s: 'héllo\u{1f600}',
  i: 5,
}
const PIECES = (
  "d l m s i x y a b c d.a d.c l[0] m.a ( ) [ ] { } , : ? . .? [? && || ! - + * / % == != < <= > >= in true false null 1 2u 3.5 0 9223372036854775807 -1 'a' \"b\" b'c' r'\\d' '' " +
  "size( type( int( string( double( dyn( duration('1h') timestamp('2024-01-01T00:00:00Z') .all(x, .map(x, .filter(x, .exists(x, .sortBy(x, .transformMap(a,b, optional.of( .orValue( .value() .optMap(x, " +
  '.startsWith( .matches( .split( .join( .replace( .format([ .substring( .reverse() .sum() .min() quantity( ip( cidr( url( semver( sets.contains( lists.range( .flatten() __proto__ constructor toString has( Object{ in'
).split(' ')

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
const pick = <T>(list: readonly T[], next: () => number): T => list[Math.floor(next() * list.length)]!

function tryIt(source: string): boolean {
  const result = compile(source, { variables: VARIABLES })
  if (!result.ok) {
    assert.ok(result.issues.length > 0, source)
    return false
  }
  const { min, max } = result.program.estimateCost()
  assert.ok(min >= 0 && max >= 0 && !Number.isNaN(max), source)
  try {
    result.program.evaluate(BINDINGS, new CostBudget(100_000, 20_000))
  } catch (err) {
    assert.ok(err instanceof CelError, `${source}: ${String(err)}`)
  }
  return true
}

test('random text gives issues', () => {
  const next = random(7)
  for (let n = 0; n < 1500; n++) {
    const length = Math.floor(next() * 60)
    tryIt(String.fromCharCode(...Array.from({ length }, () => (next() < 0.9 ? 32 + next() * 96 : next() * 65536))))
  }
})

test('random sequences of tokens never crash', () => {
  const next = random(11)
  for (let n = 0; n < 6000; n++) {
    tryIt(Array.from({ length: 1 + Math.floor(next() * 14) }, () => pick(PIECES, next)).join(next() < 0.5 ? '' : ' '))
  }
})

test('random well-formed expressions evaluate to a value or an error', () => {
  const next = random(23)
  const leaf = () =>
    pick(['d', 'd.a', 'd.b', 'd.c', 'l', 'm', 's', 'i', '1', '2.5', "'x'", 'true', 'null', '[]', '{}', 'dyn(1)'], next)
  const unary = [
    '!',
    '-',
    'size',
    'type',
    'string',
    'int',
    'dyn',
    'double',
    'bool',
    'duration',
    'ip',
    'quantity',
    'optional.of',
  ]
  const binary = ['+', '-', '*', '/', '%', '==', '!=', '<', '>=', '&&', '||', 'in']
  const methods = ['all', 'exists', 'map', 'filter', 'exists_one', 'sortBy', 'optMap']
  const make = (depth: number): string => {
    if (depth === 0) return leaf()
    const one = () => make(depth - 1)
    switch (Math.floor(next() * 7)) {
      case 0:
        return `${pick(unary, next)}(${one()})`
      case 1:
        return `(${one()} ${pick(binary, next)} ${one()})`
      case 2:
        return `dyn(${one()}).${pick(methods, next)}(x, ${next() < 0.5 ? 'x' : one()})`
      case 3:
        return `(dyn(${one()}) == true ? dyn(${one()}) : dyn(${one()}))`
      case 4:
        return `[dyn(${one()}), dyn(${one()})]`
      case 5:
        return `{'k': ${one()}}.k`
      default:
        return `dyn(${one()})[${one()}]`
    }
  }
  let compiled = 0
  for (let n = 0; n < 4000; n++) if (tryIt(make(1 + Math.floor(next() * 4)))) compiled++
  assert.ok(compiled > 400, `only ${compiled} compiled`)
})

test('deep and long expressions are bounded', () => {
  for (const source of [
    '('.repeat(5000),
    '['.repeat(5000),
    '!'.repeat(50_001),
    '-'.repeat(50_001),
    `${'1+'.repeat(20_000)}1`,
    `a${'.b'.repeat(20_000)}`,
    'x'.repeat(200_000),
    `${'true && '.repeat(10_000)}true`,
    `${'true ? 1 : '.repeat(5000)}1`,
  ]) {
    const result = compile(source, { variables: {} })
    if (result.ok) result.program.evaluate({}, new CostBudget(1_000_000))
  }
})

test('patterns that make backtracking explode are matched in linear time', () => {
  const text = 'a'.repeat(20_000)
  assert.equal(matcher('^(a+)+$').test(`${text}!`), false)
  assert.equal(matcher('(a|a)*b').test(text), false)
  assert.equal(matcher('(x+x+)+y').test('x'.repeat(5000)), false)
  assert.throws(() => matcher('(a{1000}){1000}'), CelError)
})

test('random patterns are matched or refused', () => {
  const next = random(5)
  const pieces = 'a b c . * + ? | ( ) (?: (?i) [ ] [^ - \\d \\w \\b ^ $ {2} {1,3} {,2} \\pL [[:alpha:]] \\x41 é'.split(
    ' ',
  )
  for (let n = 0; n < 4000; n++) {
    const pattern = Array.from({ length: Math.floor(next() * 10) }, () => pick(pieces, next)).join('')
    try {
      matcher(pattern).find('abcabcé aXb', 0)
    } catch (err) {
      assert.ok(err instanceof CelError, `${pattern}: ${String(err)}`)
    }
  }
})
