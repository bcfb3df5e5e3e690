import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAuthenticationFailure, normaliseReference, pullTarget } from './images.ts'

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

test('other credentials are tried only where credentials were the trouble', () => {
  for (const message of [
    'Head "https://r/v2/app/manifests/1": no basic auth credentials',
    'unauthorized: authentication required',
    "pull access denied for app, repository does not exist or may require 'docker login': denied: requested access is denied",
  ])
    assert.ok(isAuthenticationFailure(message), message)
  for (const message of [
    'manifest for app:2 not found: manifest unknown: manifest unknown',
    'dial tcp 10.0.0.1:443: connect: connection refused',
  ])
    assert.ok(!isAuthenticationFailure(message), message)
})
