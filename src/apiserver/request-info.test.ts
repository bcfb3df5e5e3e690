import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRequestInfo } from './request-info.ts'

const info = (method: 'GET' | 'POST' | 'DELETE' | 'PUT', url: string) => {
  const [path = '', query = ''] = url.split('?')
  const { verb, group, version, resource, subresource, namespace, name, rest, isResource } = parseRequestInfo(
    method,
    path,
    new URLSearchParams(query),
  )
  return isResource
    ? [verb, `${group}/${version}`, namespace, resource, name, subresource, rest].join(' ').trimEnd()
    : `- ${verb}`
}

test('a request is understood from its method, path and query', () => {
  const cases: [Parameters<typeof info>[0], string, string][] = [
    ['GET', '/api/v1/pods', 'list /v1  pods'],
    ['GET', '/api/v1/namespaces/blue/pods', 'list /v1 blue pods'],
    ['GET', '/api/v1/namespaces/blue/pods/web', 'get /v1 blue pods web'],
    ['GET', '/api/v1/namespaces/blue/pods?watch=true', 'watch /v1 blue pods'],
    ['GET', '/api/v1/namespaces/blue/pods?watch=0', 'list /v1 blue pods'],
    ['GET', '/api/v1/watch/namespaces/blue/pods', 'watch /v1 blue pods'],
    ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dweb', 'list /v1  pods web'],
    ['DELETE', '/api/v1/namespaces/blue/pods', 'deletecollection /v1 blue pods'],
    ['DELETE', '/api/v1/namespaces/blue/pods/web', 'delete /v1 blue pods web'],
    ['GET', '/api/v1/namespaces/blue', 'get /v1 blue namespaces blue'],
    ['PUT', '/api/v1/namespaces/blue/finalize', 'update /v1 blue namespaces blue finalize'],
    ['GET', '/apis/apps/v1/namespaces/blue/deployments/web/scale', 'get apps/v1 blue deployments web scale'],
    ['GET', '/api/v1/nodes/n1/proxy/stats/summary', 'get /v1  nodes n1 proxy /stats/summary'],
    ['GET', '/api/v1/namespaces/b/services/http:web:80/proxy/a%20b/', 'get /v1 b services http:web:80 proxy /a%20b/'],
    ['GET', '/api/v1/namespaces/b/services/web/proxy/', 'get /v1 b services web proxy /'],
    ['POST', '/api/v1/namespaces/blue/pods/web/eviction', 'create /v1 blue pods web eviction'],
    ['GET', '/version', '- get'],
    ['GET', '/apis/apps/v1', '- get'],
    ['GET', '/api/v1', '- get'],
  ]
  for (const [method, url, expected] of cases) assert.equal(info(method, url), expected, `${method} ${url}`)
})
