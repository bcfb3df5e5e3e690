import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatusError } from '../../api/meta/errors.ts'
import { checkOptions } from './log.ts'

function refusal(query: string): [number, string] | undefined {
  try {
    checkOptions({ query: new URLSearchParams(query), info: { name: 'web' } as never })
    return undefined
  } catch (err) {
    assert.ok(err instanceof StatusError)
    return [err.code, err.message]
  }
}

test('log options that make sense are taken', () => {
  for (const query of [
    '',
    'tailLines=0',
    'sinceSeconds=1&limitBytes=1',
    'stream=Stdout',
    'sinceTime=2026-01-01T00:00:00Z',
  ]) {
    assert.equal(refusal(query), undefined, query)
  }
})

test('log options that make none are refused by name', () => {
  const cases: [string, number, string][] = [
    ['tailLines=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    [
      'tailLines=-1',
      422,
      'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ],
    ['limitBytes=0', 422, 'PodLogOptions "web" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
    ['sinceSeconds=0', 422, 'PodLogOptions "web" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'],
    [
      'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
      422,
      'PodLogOptions "web" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ],
    [
      'stream=Neither',
      422,
      'PodLogOptions "web" is invalid: stream: Unsupported value: "Neither": supported values: "All", "Stderr", "Stdout"',
    ],
  ]
  for (const [query, code, message] of cases) assert.deepEqual(refusal(query), [code, message], query)
})
