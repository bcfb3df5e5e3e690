import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { type Json, testApi } from '../test-api.ts'
import { publishService, setEndpoints, type TestWebhook, testWebhook } from '../webhooks/test-webhook.ts'

const directory = await mkdtemp(join(tmpdir(), 'skiff-aggregation-'))
const ctx = { signal: new AbortController().signal, log: silentLogger }
const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
const api = await testApi({ pki })
const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices'
const DISCOVERY = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const open: TestWebhook[] = []
await api.post('/api/v1/namespaces', { metadata: { name: 'ext' } })

after(async () => {
  await api.close()
  for (const one of open) await one.close()
  await rm(directory, { recursive: true, force: true })
})

const RESOURCES = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'wardle.example.com/v1',
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
}

/** A small API server: one group-version, which only the front proxy may talk to. */
function flunders(_body: Json, request: IncomingMessage, response: ServerResponse): Json {
  const url = new URL(request.url ?? '/', 'https://x')
  if (url.pathname === '/apis/wardle.example.com/v1') return RESOURCES
  if (url.pathname === '/openapi/v3') {
    return {
      paths: { 'apis/wardle.example.com/v1': { serverRelativeURL: '/openapi/v3/apis/wardle.example.com/v1?hash=1' } },
    }
  }
  if (url.pathname === '/openapi/v2') {
    const paths = { '/apis/wardle.example.com/v1/flunders': { get: {} }, '/apis/apps/v1/': { get: 'not theirs' } }
    return { swagger: '2.0', paths, definitions: { Flunder: { type: 'object' } } }
  }
  if (url.searchParams.get('watch')) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('{"type":"ADDED"}\n')
    return undefined
  }
  if (url.pathname.endsWith('/flunders/teapot')) {
    response.writeHead(418, { 'content-type': 'text/plain', 'x-own': 'yes' }).end('short and stout')
    return undefined
  }
  if (url.pathname.includes('/flunders')) return { kind: 'FlunderList', url: request.url, items: [] }
  response.writeHead(404).end()
  return undefined
}

async function served(name: string, group = 'wardle.example.com'): Promise<TestWebhook> {
  const server = await testWebhook(flunders, { dnsNames: [`${name}.ext.svc`], clientCa: pki.frontProxy.ca })
  open.push(server)
  await publishService(api, 'ext', name, server.port)
  await register(group, name, { caBundle: server.caBundle })
  return server
}

const register = (group: string, service: string, more: object = {}) =>
  api.post(SERVICES, {
    metadata: { name: `v1.${group}` },
    spec: {
      group,
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      service: { namespace: 'ext', name: service },
      ...more,
    },
  })

/** The Available condition once it is what is waited for. */
async function available(name: string, reason: string): Promise<Json> {
  const watch = await api.watch(`${SERVICES}?fieldSelector=metadata.name=${name}`)
  try {
    for (;;) {
      const { object } = await watch.next()
      const condition = object.status?.conditions?.find((each: Json) => each.type === 'Available')
      if (condition?.reason === reason) return condition
    }
  } finally {
    watch.stop()
  }
}

describe('what this server serves itself', () => {
  it('has an APIService per group-version, always available', async () => {
    const { body } = await api.get(SERVICES)
    const names = body.items.map((item: Json) => item.metadata.name)
    for (const name of ['v1.', 'v1.apps', 'v2.autoscaling', 'v1.rbac.authorization.k8s.io']) {
      assert.ok(names.includes(name), name)
    }
    assert.ok(!names.includes('v1.apiregistration.k8s.io'))
    const { metadata, spec, status } = body.items.find((item: Json) => item.metadata.name === 'v1.apps')
    assert.deepEqual(metadata.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' })
    assert.deepEqual(spec, { group: 'apps', version: 'v1', groupPriorityMinimum: 17800, versionPriority: 15 })
    assert.deepEqual([status.conditions[0].status, status.conditions[0].reason], ['True', 'Local'])
  })

  it('tells other servers whom to believe', async () => {
    const { body } = await api.get('/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication')
    assert.equal(body.data['client-ca-file'], pki.authorityCert)
    assert.equal(body.data['requestheader-client-ca-file'], pki.frontProxy.ca)
    assert.equal(body.data['requestheader-username-headers'], '["X-Remote-User"]')
    const role =
      '/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles/extension-apiserver-authentication-reader'
    assert.equal((await api.get(role)).status, 200)
  })
})

describe('what another server serves', () => {
  it('is passed on with the user in headers and the front proxy’s certificate', async () => {
    const server = await served('passed')
    await available('v1.wardle.example.com', 'Passed')
    const path = '/apis/wardle.example.com/v1/namespaces/default/flunders'
    const user = { name: 'ann', uid: 'u1', groups: ['system:masters', 'blue'], extra: { 'a/b': ['c'] } }
    const headers = { authorization: 'Bearer secret', 'x-remote-group': 'forged', 'x-forwarded-for': '198.51.100.1' }
    const answer = await api.server.handler({
      method: 'POST',
      path,
      query: new URLSearchParams({ dryRun: 'All' }),
      headers,
      body: { kind: 'Flunder' },
      user,
      remoteAddress: '192.0.2.7',
      signal: new AbortController().signal,
    })
    assert.equal(answer.status, 200)
    const request = server.requests.at(-1)!
    assert.equal(request.url, `${path}?dryRun=All`)
    assert.deepEqual(server.reviews.at(-1), { kind: 'Flunder' })
    assert.equal(request.headers['x-remote-user'], 'ann')
    assert.equal(request.headers['x-remote-uid'], 'u1')
    assert.deepEqual(request.headersDistinct['x-remote-group'], ['system:masters', 'blue'])
    assert.deepEqual(request.headersDistinct['x-remote-extra-a%2fb'], ['c'])
    assert.equal(request.headers.authorization, undefined)
    assert.equal(request.headers['x-forwarded-for'], '198.51.100.1, 192.0.2.7')
    assert.equal((request.socket as TLSSocket).getPeerCertificate().subject.CN, 'front-proxy-client')
  })

  it('answers with its own codes, headers and bodies, and streams', async () => {
    const send = (path: string, signal = new AbortController().signal) =>
      api.server.handler({
        method: 'GET',
        path: path.split('?')[0]!,
        query: new URLSearchParams(path.split('?')[1] ?? ''),
        headers: {},
        user: { name: 'admin', groups: ['system:masters'] },
        signal,
      })
    const teapot = await send('/apis/wardle.example.com/v1/flunders/teapot')
    assert.deepEqual([teapot.status, teapot.headers['x-own']], [418, 'yes'])
    const stop = new AbortController()
    const watch = await send('/apis/wardle.example.com/v1/flunders?watch=1', stop.signal)
    assert.ok(watch.body.kind === 'stream')
    const first = await watch.body.stream[Symbol.asyncIterator]().next()
    assert.equal(Buffer.from(first.value).toString(), '{"type":"ADDED"}\n')
    stop.abort(new Error('seen enough'))
  })

  it('is authorised here first', async () => {
    const user = { name: 'nobody', groups: ['system:authenticated'] }
    const { status } = await api.get('/apis/wardle.example.com/v1/flunders', { user })
    assert.equal(status, 403)
  })

  it('stands in discovery, in both forms, and in OpenAPI', async () => {
    const groups = (await api.get('/apis')).body.groups
    const group = groups.find((each: Json) => each.name === 'wardle.example.com')
    assert.equal(group.preferredVersion.groupVersion, 'wardle.example.com/v1')
    const { body } = await api.get('/apis', { headers: { accept: DISCOVERY } })
    assert.equal(
      body.items.some((item: Json) => item.metadata.name === 'apps'),
      true,
    )
    const [version] = body.items.find((item: Json) => item.metadata.name === 'wardle.example.com').versions
    assert.equal(version.freshness, 'Current')
    assert.equal(version.resources[0].resource, 'flunders')
    assert.deepEqual(version.resources[0].responseKind, { group: 'wardle.example.com', version: 'v1', kind: 'Flunder' })
    assert.equal(version.resources[0].subresources[0].subresource, 'status')
    assert.equal((await api.get('/apis/wardle.example.com')).body.kind, 'APIGroup')
    const index = (await api.get('/openapi/v3')).body
    assert.ok('apis/wardle.example.com/v1' in index.paths && 'apis/apps/v1' in index.paths)
    const v2 = (await api.get('/openapi/v2')).body
    assert.ok('/apis/wardle.example.com/v1/flunders' in v2.paths && 'Flunder' in v2.definitions)
    assert.notEqual(v2.paths['/apis/apps/v1/']?.get, 'not theirs')
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
    const binary = await api.get('/openapi/v2', { headers: { accept } })
    assert.match(binary.headers['content-type']!, /protobuf$/)
    assert.ok(binary.body.includes('/apis/wardle.example.com/v1/flunders'))
    assert.ok(binary.body.includes('/apis/apps/v1/namespaces/{namespace}/deployments'))
  })

  it('is gone with its APIService', async () => {
    await api.delete(`${SERVICES}/v1.wardle.example.com`)
    assert.equal((await api.get('/apis/wardle.example.com/v1/flunders')).status, 404)
    const groups = (await api.get('/apis')).body.groups
    assert.ok(!groups.some((each: Json) => each.name === 'wardle.example.com'))
  })
})

describe('a server that can’t be used', () => {
  it('says why in its condition, and is a 503 until what it lacks is there', async () => {
    const group = 'late.example.com'
    const name = `v1.${group}`
    await register(group, 'late')
    const missing = await available(name, 'ServiceNotFound')
    assert.equal(missing.message, 'service/late in "ext" is not present')
    const refused = await api.get(`/apis/${group}/v1/things`)
    assert.deepEqual([refused.status, refused.body], [503, 'service unavailable\n'])
    await api.post('/api/v1/namespaces/ext/services', {
      metadata: { name: 'late' },
      spec: { ports: [{ name: 'https', port: 443 }] },
    })
    const none = await available(name, 'EndpointsNotFound')
    assert.equal(none.message, 'cannot find endpointslices for service/late in "ext"')
    const server = await testWebhook(flunders, { dnsNames: ['late.ext.svc'], clientCa: pki.frontProxy.ca })
    open.push(server)
    await setEndpoints(api, 'ext', 'late', server.port, false)
    await available(name, 'MissingEndpoints')
    await setEndpoints(api, 'ext', 'late', server.port)
    const failed = await available(name, 'FailedDiscoveryCheck')
    assert.match(
      failed.message,
      /^failing or missing response from https:\/\/127\.0\.0\.1:\d+\/apis\/late\.example\.com\/v1: /,
    )
    await api.patch('merge', `${SERVICES}/${name}`, { spec: { caBundle: server.caBundle } })
    const status = await available(name, 'FailedDiscoveryCheck')
    assert.equal(status.status, 'False')
  })

  it('leaves the rest of discovery as it is, shown as stale', async () => {
    const { body } = await api.get('/apis', { headers: { accept: DISCOVERY } })
    const of = (name: string) => body.items.find((item: Json) => item.metadata.name === name)
    assert.deepEqual(of('late.example.com').versions, [{ version: 'v1', freshness: 'Stale' }])
    assert.equal(of('apps').versions[0].freshness, 'Current')
    assert.equal((await api.get('/apis/late.example.com/v1')).status, 503)
  })

  it('is asked again after a while, and found when it answers', async () => {
    let healthy = false
    const answering = (_body: Json, _request: IncomingMessage, response: ServerResponse): Json => {
      if (healthy) return RESOURCES
      response.writeHead(500).end()
      return undefined
    }
    const server = await testWebhook(answering, { dnsNames: ['ill.ext.svc'] })
    open.push(server)
    await publishService(api, 'ext', 'ill', server.port)
    await register('ill.example.com', 'ill', { caBundle: server.caBundle })
    const { message } = await available('v1.ill.example.com', 'FailedDiscoveryCheck')
    assert.match(message, /: bad status from https:\/\/127\.0\.0\.1:\d+\/apis\/ill\.example\.com\/v1: 500$/)
    healthy = true
    await api.clock.advance(1000)
    await available('v1.ill.example.com', 'Passed')
  })

  it('is checked anew when its endpoints change', async () => {
    const server = await served('wardle2')
    await available('v1.wardle.example.com', 'Passed')
    await setEndpoints(api, 'ext', 'wardle2', server.port, false)
    await available('v1.wardle.example.com', 'MissingEndpoints')
    await setEndpoints(api, 'ext', 'wardle2', server.port)
    await available('v1.wardle.example.com', 'Passed')
  })
})
