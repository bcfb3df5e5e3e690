import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { RawRequest } from './api-request.ts'
import { isOrdinary, readBody } from './ordinary-request.ts'

const request = (method: string, url: string, headers: Record<string, string> = {}) =>
  ({ method, url, headers, readableEnded: false }) as unknown as RawRequest
const ordinary = (...args: Parameters<typeof request>) => isOrdinary(request(...args), 100)
const JSON_TYPE = { 'content-type': 'application/json' }

test('plain paths without a body are ordinary, whatever the query', () => {
  assert.equal(ordinary('GET', '/api/v1/pods'), true)
  assert.equal(ordinary('GET', `/api/v1/pods?x=%20${'y'.repeat(10_000)}`), true)
  assert.equal(ordinary('DELETE', '/api/v1/pods'), true)
})

test('escaped, long and foreign paths, and methods without meaning, are not', () => {
  assert.equal(ordinary('GET', '/api/%zz'), false)
  assert.equal(ordinary('GET', `/${'n'.repeat(10_000)}`), false)
  assert.equal(ordinary('OPTIONS', '*'), false)
  assert.equal(ordinary('TRACE', '/api'), false)
})

test('a body is ordinary when its length and type say all there is to know', () => {
  assert.equal(ordinary('POST', '/api', { ...JSON_TYPE, 'content-length': '100' }), true)
  assert.equal(ordinary('POST', '/api', { ...JSON_TYPE, 'content-length': '101' }), false)
  assert.equal(ordinary('POST', '/api', { ...JSON_TYPE, 'transfer-encoding': 'chunked' }), false)
  assert.equal(ordinary('POST', '/api', { 'content-type': 'text/html', 'content-length': '1' }), false)
})

test('a body is read to its end, and is nothing when the client goes away before', async () => {
  const whole = new PassThrough()
  const reading = readBody(whole as unknown as RawRequest)
  whole.write('ab')
  whole.end('c')
  assert.equal(String(await reading), 'abc')
  const broken = new PassThrough()
  const cut = readBody(broken as unknown as RawRequest)
  broken.write('ab')
  broken.destroy()
  assert.equal(await cut, undefined)
})
