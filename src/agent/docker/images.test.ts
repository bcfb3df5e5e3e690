import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseReference, pullTarget } from './images.ts'

test('the usual names of an image are one', () => {
  for (const name of [
    'nginx',
    'nginx:latest',
    'library/nginx',
    'docker.io/nginx',
    'docker.io/library/nginx:latest',
    'index.docker.io/library/nginx',
  ])
    assert.equal(normaliseReference(name), 'nginx:latest')
  assert.equal(normaliseReference('localhost:5000/app'), 'localhost:5000/app:latest')
  assert.equal(normaliseReference('app@sha256:1'), 'app@sha256:1')
})

test('a pull names one tag or one digest, never all', () => {
  assert.deepEqual(pullTarget('nginx'), { fromImage: 'nginx', tag: 'latest' })
  assert.deepEqual(pullTarget('localhost:5000/app'), { fromImage: 'localhost:5000/app', tag: 'latest' })
  assert.deepEqual(pullTarget('localhost:5000/app:2'), { fromImage: 'localhost:5000/app', tag: '2' })
  assert.deepEqual(pullTarget('app:1@sha256:abc'), { fromImage: 'app:1@sha256:abc' })
})
