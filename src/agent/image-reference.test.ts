import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isImageReference } from './image-reference.ts'
import { parseDockerConfig } from './pull-secrets.ts'

test('image names follow the distribution grammar', () => {
  for (const good of [
    'nginx',
    'nginx:1.25',
    'docker.io/library/nginx:latest',
    'localhost:5000/a/b',
    `reg.io/x@sha256:${'a'.repeat(64)}`,
    'a__b/c-d',
  ])
    assert.equal(isImageReference(good), true, good)
  for (const bad of [
    '',
    'NGINX',
    'nginx:',
    'nginx:a b',
    'a//b',
    'reg.io/',
    'x@sha256:short',
    'https://reg.io/x',
    'a'.repeat(2000),
  ])
    assert.equal(isImageReference(bad), false, bad)
})

test('pull secrets of both forms give credentials, broken ones give none', () => {
  const base64 = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')
  assert.deepEqual(
    parseDockerConfig({ '.dockerconfigjson': base64({ auths: { 'https://reg.io/v1/': { auth: base64('me:a:b') } } }) }),
    [{ registry: 'reg.io', username: 'me', password: 'a:b' }],
  )
  assert.deepEqual(parseDockerConfig({ '.dockercfg': base64({ 'reg.io': { username: 'u', password: 'p' } }) }), [
    { registry: 'reg.io', username: 'u', password: 'p' },
  ])
  assert.deepEqual(parseDockerConfig({ '.dockerconfigjson': base64('{') }), [])
  assert.deepEqual(parseDockerConfig({}), [])
})
