import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { FakeClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { type TestApi, testApi } from '../test-api.ts'

describe('tokens that nodes ask for', () => {
  const n1 = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  const dir = mkdtempSync(join(tmpdir(), 'skiff-node-tokens-'))
  let api: TestApi
  let uid: string
  const ask = async (audiences: string[], user: object = n1) =>
    api.post(
      '/api/v1/namespaces/default/serviceaccounts/builder/token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid } },
      },
      { user: user as never },
    )

  before(async () => {
    const clock = new FakeClock(Date.now())
    const pki = await ensurePki({ signal: new AbortController().signal, log: silentLogger }, dir, {
      addresses: [],
      dnsNames: [],
      clock,
    })
    api = await testApi({ pki, clock })
    await api.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'builder' } })
    await api.post('/apis/storage.k8s.io/v1/csidrivers', {
      metadata: { name: 'disk.example.com' },
      spec: { tokenRequests: [{ audience: 'disk' }] },
    })
    const pod = await api.post('/api/v1/namespaces/default/pods', {
      metadata: { name: 'web' },
      spec: {
        nodeName: 'n1',
        serviceAccountName: 'builder',
        containers: [{ name: 'c', image: 'i' }],
        volumes: [
          { name: 'vault', projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'vault' } }] } },
          { name: 'disk', csi: { driver: 'disk.example.com' } },
        ],
      },
    })
    assert.equal(pod.status, 201, JSON.stringify(pod.body))
    uid = pod.body.metadata.uid
  })
  after(async () => {
    await api.close()
    rmSync(dir, { recursive: true })
  })

  it('are for audiences that a volume of the pod names, itself or through its driver', async () => {
    for (const audiences of [[], ['vault'], ['disk']]) {
      const answer = await ask(audiences)
      assert.equal(answer.status, 201, JSON.stringify(answer.body))
    }
    const refused = await ask(['bank'])
    assert.equal(refused.status, 403)
    assert.equal(
      refused.body.message,
      'serviceaccounts "builder" is forbidden: audience "bank" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    )
    assert.match((await ask(['vault', 'disk'])).body.message, /: node may only request 0 or 1 audiences$/)
    const admin = { name: 'admin', groups: ['system:masters'] }
    assert.equal((await ask(['bank'], admin)).status, 201, 'who is no node may ask for any')
  })

  it('and for those that nodes were granted', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    await api.post(`${rbac}/clusterroles`, {
      metadata: { name: 'pull' },
      rules: [
        {
          verbs: ['request-serviceaccounts-token-audience'],
          apiGroups: [''],
          resources: ['registry'],
          resourceNames: ['builder'],
        },
      ],
    })
    await api.post(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'pull' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'pull' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
    })
    assert.equal((await ask(['registry'])).status, 201)
    assert.equal((await ask(['another'])).status, 403)
  })
})
