import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountsBelow } from './clean-node.ts'

test("a cluster's mounts are found whatever its directory is called, and nobody else's", () => {
  const table = [
    'proc /proc proc rw 0 0',
    'tmpfs /srv/my\\040data/agent/memory tmpfs rw 0 0',
    'tmpfs /srv/my\\040data/agent/memory/uid/volumes/a\\134b tmpfs rw 0 0',
    'tmpfs /srv/my\\040data/agents/other tmpfs rw 0 0',
    '',
  ].join('\n')
  assert.deepEqual(mountsBelow('/srv/my data/agent', table), [
    '/srv/my data/agent/memory/uid/volumes/a\\b',
    '/srv/my data/agent/memory',
  ])
})
