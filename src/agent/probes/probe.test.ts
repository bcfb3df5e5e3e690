import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newProbeState, probeStep } from './probe.ts'

const run = (results: string, spec: object, initial?: boolean) => {
  let state = newProbeState(initial)
  return [...results].map((r) => {
    state = probeStep(state, r === '+', spec)
    return state.verdict === undefined ? '?' : state.verdict ? '+' : '-'
  })
}

test('the verdict changes when a threshold of equal results in a row is reached', () => {
  assert.deepEqual(run('+', {}), ['+'])
  assert.deepEqual(run('---', {}), ['?', '?', '-'])
  assert.deepEqual(run('+--+---', {}), ['+', '+', '+', '+', '+', '+', '-'])
  assert.deepEqual(run('++', { successThreshold: 2 }, false), ['-', '+'])
  assert.deepEqual(run('-+', { failureThreshold: 1 }), ['-', '+'])
})
