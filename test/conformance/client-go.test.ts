// What programs of client-go send that other clients don't: definitions in protobuf, leases that are released, the encodings they would
// rather have and fall back from.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { encodeProtobuf } from '../../src/api/schema/protobuf.ts'
import { structNamed } from '../../src/api/schema/tables.ts'
import { conformanceServer } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

test('a definition in protobuf keeps its empty status subresource', async () => {
  const toys = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'toys.go.example.com' },
    spec: {
      group: 'go.example.com',
      scope: 'Namespaced',
      names: { plural: 'toys', kind: 'Toy' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n' } },
          schema: { openAPIV3Schema: { type: 'object' } },
        },
      ],
    },
  }
  const bytes = encodeProtobuf(structNamed('apiextensions.v1.CustomResourceDefinition')!, toys)
  const made = await api.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', Buffer.from(bytes), {
    headers: { 'content-type': PROTOBUF },
  })
  assert.equal(made.status, 201)
  assert.deepEqual(made.body.spec.versions[0].subresources.status, {})
  assert.equal(made.body.spec.versions[0].subresources.scale.specReplicasPath, '.spec.n')
})

test('a leader that ends gives up its lease by an empty name', async () => {
  const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
  const spec = { holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 }
  const { body } = await api.post(LEASES, { metadata: { name: 'lead' }, spec })
  const released = await api.put(`${LEASES}/lead`, {
    ...body,
    spec: { ...spec, holderIdentity: '', leaseDurationSeconds: 1 },
  })
  assert.equal(released.status, 200)
  assert.equal(released.body.spec.holderIdentity, '')
  const taken = { ...released.body, spec: { ...spec, holderIdentity: 'two', leaseTransitions: 1 } }
  assert.equal((await api.put(`${LEASES}/lead`, taken)).status, 200)
})

test('CBOR is declined so that clients fall back', async () => {
  const MAPS = '/api/v1/namespaces/default/configmaps'
  const CBOR = 'application/cbor'
  const declined = await api.send('POST', MAPS, Buffer.from([0xa0]), { headers: { 'content-type': CBOR } })
  assert.deepEqual([declined.status, declined.body.reason], [415, 'UnsupportedMediaType'])
  const listed = await api.get(MAPS, { headers: { accept: `${CBOR},${PROTOBUF};q=0.5,application/json;q=0.9` } })
  assert.equal(listed.headers['content-type'], 'application/json')
})
