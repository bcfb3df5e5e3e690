import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import { connectPath, logPath } from './pod-target.ts'

const pod = { metadata: { namespace: 'n', name: 'p' }, spec: { containers: [{ name: 'c' }] } } as unknown as Pod
const exec = (query: string) => connectPath(pod, 'exec', new URLSearchParams(query))

test('flags are true in any spelling but 0 and false', () => {
  assert.equal(exec('command=ls&stdout=True&stderr=TRUE&stdin=False&tty=0'), '/exec/n/p/c?output=1&error=1&command=ls')
  assert.equal(exec('command=ls&stdout='), '/exec/n/p/c?output=1&command=ls')
  assert.equal(
    logPath(pod, new URLSearchParams('follow=True&previous=False&timestamps=1&tailLines=3')),
    '/containerLogs/n/p/c?follow=true&timestamps=true&tailLines=3',
  )
})

test('attaching shows output unless it is declined, running a command only what is asked for', () => {
  assert.equal(connectPath(pod, 'attach', new URLSearchParams()), '/attach/n/p/c?output=1&error=1')
  assert.equal(connectPath(pod, 'attach', new URLSearchParams('stderr=false')), '/attach/n/p/c?output=1')
  assert.throws(() => exec('command=ls'), /you must specify at least 1 of stdin, stdout, stderr/)
})
