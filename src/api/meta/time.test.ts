import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageOf, formatAge, formatDuration, formatMicroTime, formatTime, parseDuration, parseTime } from './time.ts'

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000]

test('ages get coarser as they grow', () => {
  const table: [number, string][] = [
    [-5 * SECOND, '<invalid>'],
    [-500, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [5 * MINUTE + 30 * SECOND, '5m30s'],
    [42 * MINUTE + 30 * SECOND, '42m'],
    [3 * HOUR + 5 * MINUTE, '3h5m'],
    [30 * HOUR, '30h'],
    [2 * DAY + 4 * HOUR, '2d4h'],
    [10 * DAY + HOUR, '10d'],
    [800 * DAY, '2y70d'],
    [3000 * DAY, '8y'],
  ]
  for (const [ms, wanted] of table) assert.equal(formatAge(ms), wanted)
  assert.equal(ageOf(undefined, 0), '<unknown>')
})

test('times go to their texts and back', () => {
  const ms = Date.UTC(2026, 0, 31, 12, 0, 0, 123)
  assert.equal(formatTime(ms), '2026-01-31T12:00:00Z')
  assert.equal(formatMicroTime(ms), '2026-01-31T12:00:00.123000Z')
  assert.equal(parseTime(formatMicroTime(ms)), ms)
  assert.equal(parseTime('2026-01-31T13:00:00+01:00'), ms - 123)
  assert.equal(parseTime('yesterday'), undefined)
})

test('durations read and print as Go does', () => {
  assert.equal(parseDuration('1h2m3.5s'), 3_723_500)
  assert.equal(parseDuration('-10ms'), -10)
  assert.equal(parseDuration('10'), undefined)
  assert.equal(parseDuration('1h x'), undefined)
  assert.equal(formatDuration(3_723_500), '1h2m3.5s')
  assert.equal(formatDuration(250), '250ms')
  assert.equal(formatDuration(90_000), '1m30s')
  assert.equal(formatDuration(0), '0s')
})
