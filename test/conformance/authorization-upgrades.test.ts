// The matrix for what leaves the ordinary way of a request: connections to pods, services and nodes (WebSocket and SPDY), and paths that
// another API server serves. Each user is allowed or denied as the roles say, before anything else is looked at.
import assert from 'node:assert/strict'
import https from 'node:https'
import { after, before, describe, it } from 'node:test'
import { subresourceFacts } from '../../src/apiserver/resources.ts'
import { type ConformanceServer, conformanceServer } from './server.ts'

type Sort = 'ordinary' | 'namespace admin' | 'node' | 'service account' | 'administrator'
const USERS: Readonly<Record<Sort, { name: string; groups: string[] } | undefined>> = {
  ordinary: { name: 'jane', groups: [] },
  'namespace admin': { name: 'ada', groups: [] },
  node: { name: 'system:node:n1', groups: ['system:nodes'] },
  'service account': { name: 'system:serviceaccount:blue:default', groups: ['system:serviceaccounts'] },
  administrator: undefined,
}
const UPGRADES: Readonly<Record<string, Record<string, string>>> = {
  websocket: {
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'v5.channel.k8s.io',
  },
  SPDY: { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v5.channel.k8s.io' },
}
const CONNECTABLE = ['exec', 'attach', 'portforward', 'proxy']

describe('connections and aggregated paths', () => {
  let served: ConformanceServer
  before(async () => {
    served = await conformanceServer()
    await served.post('/api/v1/namespaces', { metadata: { name: 'blue' } })
    await served.post('/api/v1/namespaces', { metadata: { name: 'green' } })
    await served.post('/apis/rbac.authorization.k8s.io/v1/namespaces/blue/rolebindings', {
      metadata: { name: 'ada' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ada' }],
    })
    await served.post('/apis/apiregistration.k8s.io/v1/apiservices', {
      metadata: { name: 'v1.away.example.com' },
      spec: {
        group: 'away.example.com',
        version: 'v1',
        groupPriorityMinimum: 10,
        versionPriority: 10,
        insecureSkipTLSVerify: true,
        service: { namespace: 'blue', name: 'away' },
      },
    })
  })
  after(() => served.close())

  /** The status of the answer; 101 when the connection was let through. */
  function upgrade(method: string, path: string, sort: Sort | 'nobody', kind: string): Promise<number> {
    const user = sort === 'nobody' ? undefined : USERS[sort]
    const headers: Record<string, string | string[]> = { connection: 'Upgrade', ...UPGRADES[kind] }
    if (user) headers['impersonate-user'] = user.name
    if (user?.groups.length) headers['impersonate-group'] = user.groups
    const { pki, port } = served
    const admin = sort === 'nobody' ? {} : { cert: pki.admin.cert, key: pki.admin.key }
    return new Promise((resolve, reject) => {
      const request = https.request({ host: '127.0.0.1', port, method, path, headers, ca: pki.authorityCert, ...admin })
      request.on('error', reject)
      request.on('response', (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
      request.on('upgrade', (_response, socket) => {
        socket.destroy()
        resolve(101)
      })
      request.end()
    })
  }

  it('upgrades are allowed or denied as the roles say, on every resource that has them', async () => {
    const wrong: string[] = []
    let tried = 0
    for (const kind of served.server.resources.kinds) {
      for (const subresource of kind.subresources.filter((one) => CONNECTABLE.includes(one))) {
        const namespaces = kind.scope === 'Namespaced' ? ['blue', 'green'] : ['']
        for (const namespace of namespaces) {
          const where = namespace ? `namespaces/${namespace}/` : ''
          const path = `/api/v1/${where}${kind.plural}/absent/${subresource}?command=ls&container=c&ports=80&stdout=1`
          const verbs = subresourceFacts(kind, subresource).verbs as readonly string[]
          for (const method of ['GET', 'POST']) {
            if (!verbs.includes(method === 'GET' ? 'get' : 'create')) continue
            for (const upgradeKind of Object.keys(UPGRADES)) {
              for (const sort of Object.keys(USERS) as Sort[]) {
                const may = sort === 'administrator' || (sort === 'namespace admin' && namespace === 'blue')
                const status = await upgrade(method, path, sort, upgradeKind)
                tried++
                if ((status === 403) === may) wrong.push(`${sort} ${upgradeKind} ${method} ${path}: ${status}`)
              }
              const nobody = await upgrade(method, path, 'nobody', upgradeKind)
              if (nobody !== 401) wrong.push(`nobody ${upgradeKind} ${method} ${path}: ${nobody}`)
            }
          }
        }
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(tried >= 100, `${tried}`)
  })

  it('what is no connection is not reached by asking for an upgrade', async () => {
    for (const path of ['/api/v1/namespaces/blue/secrets', '/api/v1/nodes/absent', '/metrics', '/nowhere']) {
      assert.equal(await upgrade('GET', path, 'ordinary', 'websocket'), 403, path)
      const status = await upgrade('GET', path, 'administrator', 'websocket')
      assert.ok(status >= 400 && status < 500, `${path}: ${status}`)
    }
  })

  it('paths of another API server are checked here first', async () => {
    const paths = [
      ['GET', '/apis/away.example.com/v1/namespaces/blue/boats'],
      ['POST', '/apis/away.example.com/v1/namespaces/blue/boats'],
      ['DELETE', '/apis/away.example.com/v1/boats/one'],
      ['GET', '/apis/away.example.com/v1/namespaces/blue/boats/one/sail'],
    ] as const
    for (const [method, path] of paths) {
      const body = method === 'POST' ? {} : undefined
      for (const [sort, user] of Object.entries(USERS)) {
        const as = user ? { as: user.name, groups: user.groups } : {}
        const { status } = await served.send(method, path, body, as)
        assert.equal(status, sort === 'administrator' ? 503 : 403, `${sort} ${method} ${path}`)
      }
      assert.equal((await served.send(method, path, body, { token: '' })).status, 401)
    }
    assert.equal(await upgrade('GET', paths[3][1], 'ordinary', 'websocket'), 403)
    assert.equal(await upgrade('GET', paths[3][1], 'administrator', 'websocket'), 503)
  })
})
