import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UserInfo } from '../../api/wire.ts'
import { ask, put, remove, setUp } from './rbac-fixtures.ts'

describe('nodes', () => {
  const n1: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  const pod = (spec: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'blue' },
    spec: { nodeName: 'n1', containers: [], ...spec },
  })
  const POD = '/registry/core/pods/blue/web'

  it('read what their pods use, and only that', async () => {
    const { store, authorizer, can } = await setUp(true)
    const secret = 'GET /api/v1/namespaces/blue/secrets/s'
    assert.equal(can(n1, secret), false)
    assert.match(ask(authorizer, n1, secret).reason, /: no relationship found between node 'n1' and this object$/)
    await put(
      store,
      POD,
      pod({
        serviceAccountName: 'builder',
        imagePullSecrets: [{ name: 'pull' }],
        containers: [
          {
            name: 'c',
            env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
            envFrom: [{ configMapRef: { name: 'e' } }],
          },
        ],
        volumes: [
          { name: 'v', persistentVolumeClaim: { claimName: 'data' } },
          { name: 'p', projected: { sources: [{ configMap: { name: 'root' } }, { secret: { name: 'proj' } }] } },
        ],
      }),
    )
    await put(store, '/registry/core/persistentvolumes/pv', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pv' },
      spec: { claimRef: { namespace: 'blue', name: 'data' } },
    })
    const mine = [
      secret,
      'GET /api/v1/namespaces/blue/secrets/pull',
      'GET /api/v1/namespaces/blue/secrets/proj',
      'GET /api/v1/namespaces/blue/configmaps/e',
      'GET /api/v1/namespaces/blue/configmaps/root',
      'GET /api/v1/namespaces/blue/configmaps?fieldSelector=metadata.name%3Droot&watch=1',
      'GET /api/v1/namespaces/blue/persistentvolumeclaims/data',
      'GET /api/v1/persistentvolumes/pv',
      'POST /api/v1/namespaces/blue/serviceaccounts/builder/token',
    ]
    mine.push(
      'GET /api/v1/namespaces/blue/pods/web',
      'GET /api/v1/namespaces/blue/pods?fieldSelector=metadata.name%3Dweb',
    )
    const others = [
      'GET /api/v1/namespaces/blue/pods/other',
      'GET /api/v1/namespaces/blue/pods',
      'GET /api/v1/namespaces/blue/secrets',
      'GET /api/v1/namespaces/blue/secrets/other',
      'GET /api/v1/namespaces/green/secrets/s',
      'PUT /api/v1/namespaces/blue/secrets/s',
      'POST /api/v1/namespaces/blue/serviceaccounts/other/token',
      'GET /api/v1/persistentvolumes/other',
      'GET /api/v1/secrets',
    ]
    for (const request of mine) assert.ok(can(n1, request), request)
    for (const request of others) assert.ok(!can(n1, request), request)
    for (const request of mine) assert.ok(!can({ ...n1, name: 'system:node:n2' }, request), `n2: ${request}`)
    await remove(store, POD)
    for (const request of mine) assert.ok(!can(n1, request), `gone: ${request}`)
  })

  it('register themselves, report pods, and renew their own Lease only', async () => {
    const { authorizer, can } = await setUp(true)
    const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    for (const request of [
      'POST /api/v1/nodes',
      'PATCH /api/v1/nodes/n1/status',
      'GET /api/v1/nodes/n1',
      'GET /api/v1/nodes?fieldSelector=metadata.name%3Dn1&watch=1',
      'GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn1&watch=1',
      'GET /api/v1/pods?fieldSelector=status.phase%3DRunning%2Cspec.nodeName%3D%3Dn1',
      'DELETE /api/v1/namespaces/blue/pods/p',
      'POST /api/v1/namespaces/blue/pods/p/eviction',
      'GET /api/v1/namespaces?watch=1',
      'PATCH /api/v1/namespaces/blue/pods/p/status',
      'POST /api/v1/namespaces/blue/events',
      `POST ${lease}`,
      `PUT ${lease}/n1`,
      'GET /apis/discovery.k8s.io/v1/endpointslices',
      'GET /api/v1/services',
    ]) {
      assert.ok(can(n1, request), request)
    }
    for (const request of [
      `PUT ${lease}/n2`,
      `GET ${lease}`,
      `PUT ${lease.replace('kube-node-lease', 'default')}/n1`,
      'DELETE /api/v1/nodes/n1',
      'POST /api/v1/namespaces',
      'GET /api/v1/nodes',
      'GET /api/v1/nodes/n2',
      'GET /api/v1/nodes/n1/proxy/logs/',
      'GET /api/v1/pods?watch=1',
      'GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn2',
      'GET /api/v1/pods?fieldSelector=spec.nodeName%21%3Dn1',
      'GET /api/v1/namespaces/blue/pods/p',
      'GET /api/v1/namespaces/blue/pods/p/log',
      'DELETE /api/v1/namespaces/blue/pods',
      'GET /api/v1/namespaces/blue',
    ]) {
      assert.ok(!can(n1, request), request)
    }
    const why = (request: string) => ask(authorizer, n1, request).reason
    assert.match(why('GET /api/v1/nodes'), /: node 'n1' cannot read all nodes, only its own Node object$/)
    assert.match(why('GET /api/v1/nodes/n2'), /: node 'n1' cannot read 'n2', only its own Node object$/)
    assert.match(why('GET /api/v1/pods'), /: can only list\/watch pods with spec.nodeName field selector$/)
    assert.ok(
      !can({ name: 'system:node:n1', groups: ['system:authenticated'] }, 'POST /api/v1/nodes'),
      'the name alone is no node',
    )
  })
})
