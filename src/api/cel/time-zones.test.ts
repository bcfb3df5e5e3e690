import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CostBudget, compile } from './cel.ts'
import { TIMESTAMP } from './types.ts'

function evaluate(source: string): unknown {
  const result = compile(source, { variables: { t: TIMESTAMP } })
  assert.ok(result.ok, source)
  return result.program.evaluate({ t: '2024-01-01T00:00:00+02:00' }, new CostBudget(1000))
}

it('a time is shown in the zone that it was written in, also after arithmetic; everything else is UTC', () => {
  for (const [source, value] of [
    ["string(timestamp('2024-01-01T00:00:00+02:00'))", '2024-01-01T00:00:00+02:00'],
    ["string(timestamp('2024-01-01T00:00:00.5-02:30'))", '2024-01-01T00:00:00.5-02:30'],
    ["string(timestamp('2024-01-01T00:00:00+00:00'))", '2024-01-01T00:00:00Z'],
    ["string(timestamp('2024-01-01T00:00:00+02:00') + duration('1h'))", '2024-01-01T01:00:00+02:00'],
    ['string(t)', '2024-01-01T00:00:00+02:00'],
    ["timestamp('2024-01-01T00:00:00+02:00').getHours()", 22],
    ["timestamp('2024-01-01T00:00:00+02:00') == timestamp('2023-12-31T22:00:00Z')", true],
  ] as const) {
    assert.deepEqual(evaluate(source), value, source)
  }
})
