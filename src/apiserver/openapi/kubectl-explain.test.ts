// The real kubectl reads the documents: discovery and OpenAPI are served over plain HTTP, nothing else.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { builtinKinds } from '../../api/kinds/builtin.ts'
import { apiGroupList, apiResourceList, apiVersions } from '../discovery/documents.ts'
import { Resources } from '../resources.ts'
import { OpenApi } from './documents.ts'

const kubectl = findKubectl()
const resources = new Resources(builtinKinds)
const openApi = new OpenApi(resources, 'v1.36.0')
let server: Server
let home: string

function findKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function discovery(path: string): object | undefined {
  if (path === '/api') return apiVersions('127.0.0.1')
  if (path === '/apis') return apiGroupList(resources.groups)
  for (const { group, versions } of resources.groups) {
    for (const served of versions) {
      const at = group ? `/apis/${group}/${served.version}` : `/api/${served.version}`
      if (path === at) return apiResourceList(group, served)
    }
  }
  return undefined
}

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'explain-'))
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    const found = discovery(url.pathname)
    if (found) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(found))
    } else if (url.pathname.startsWith('/openapi/')) {
      const answer = openApi.respond(url.pathname, url.searchParams, request.headers as Record<string, string>)
      response.writeHead(answer.status, answer.headers)
      response.end(answer.body.kind === 'bytes' ? answer.body.bytes : undefined)
    } else {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
after(() => {
  server.close()
  server.closeAllConnections()
  rmSync(home, { recursive: true, force: true })
})

function explain(...args: string[]): Promise<string> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    execFile(
      'kubectl',
      ['--server', `http://127.0.0.1:${port}`, '--cache-dir', join(home, 'cache'), 'explain', ...args],
      { env: { ...process.env, HOME: home, KUBECONFIG: '' }, timeout: 30_000 },
      (err, stdout, stderr) => (err ? reject(new Error(stderr || err.message)) : resolve(stdout)),
    )
  })
}

test('kubectl explains a field with its type, description and enum', { skip: !kubectl }, async () => {
  const text = await explain('deployment.spec.strategy')
  assert.match(text, /GROUP: {6}apps\nKIND: {7}Deployment\nVERSION: {4}v1/)
  assert.match(text, /FIELD: strategy <DeploymentStrategy>/)
  assert.match(text, /How old pods are replaced by new ones/)
  assert.match(text, /type\t<string>\n {2}enum: Recreate, RollingUpdate/)
})

test('kubectl explains a kind recursively', { skip: !kubectl }, async () => {
  const text = await explain('pods', '--recursive')
  assert.match(text, /KIND: {7}Pod/)
  assert.match(text, /containers\t<\[\]Container> -required-/)
  assert.match(text, /containerPort\t<integer> -required-/)
  assert.match(text, /limits\t<map\[string\]Quantity>/)
})

test('kubectl reads the v2 document in protobuf', { skip: !kubectl }, async () => {
  const text = await explain('pod.spec.containers.ports', '--output', 'plaintext-openapiv2')
  assert.match(text, /RESOURCE: ports <\[\]Object>/)
  assert.match(text, /containerPort\t<integer> -required-/)
})

test('kubectl says when there is no such field', { skip: !kubectl }, async () => {
  await assert.rejects(explain('deployment.spec.nope'), /field "nope" does not exist/)
})
