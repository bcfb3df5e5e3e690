import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logOutput } from './log-output.ts'

const failing = (code: string) => Object.assign(new Error(code), { code })

test('a full disk stops nobody who logs; how many lines were lost is said when there is room again', () => {
  const written: string[] = []
  let full = true
  const output = logOutput(1, (_fd, bytes) => {
    if (full) throw failing('ENOSPC')
    written.push(Buffer.from(bytes).toString())
    return bytes.length
  })
  output.write('one\n')
  output.write('two\n')
  full = false
  output.write('three\n')
  assert.equal(JSON.parse(written[0]!).lost, 2)
  assert.deepEqual(written.slice(1), ['three\n'])
  output.write('four\n')
  assert.deepEqual(written.slice(1), ['three\n', 'four\n'])
})

test('a line goes out in pieces, and again after a moment, where the reader is slow', () => {
  const written: string[] = []
  let calls = 0
  const output = logOutput(1, (_fd, bytes) => {
    if (++calls === 2) throw failing('EAGAIN')
    written.push(Buffer.from(bytes.subarray(0, 3)).toString())
    return Math.min(3, bytes.length)
  })
  output.write('abcdef\n')
  assert.equal(written.join(''), 'abcdef\n')
})
