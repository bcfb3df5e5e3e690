// Random requests at the whole API: every route with every method, bodies that are valid, nearly valid and noise. Each server is
// given a hundred; then the next begins. A failure names the seed: SKIFF_FUZZ_SEED=<n> SKIFF_FUZZ_ROUNDS=1 brings it back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rounds, SEED } from './random.ts'
import { fuzzRound } from './round.ts'

test('no request, however made, is answered with a fault, changes what it may not, or holds the others up', async () => {
  for (let seed = SEED; seed < SEED + rounds(12); seed++) assert.deepEqual(await fuzzRound(seed), [])
})
