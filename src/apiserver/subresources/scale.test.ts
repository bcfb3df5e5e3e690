import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { deployment, type Json, testApi } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const WEB = `${DEPLOYMENTS}/web`
afterEach(() => api.delete(DEPLOYMENTS))
const BOXES = '/apis/example.com/v1/namespaces/default/boxes'
const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { count: { type: 'integer' }, word: { type: 'string' } } },
      status: { type: 'object', properties: { count: { type: 'integer' } } },
    },
  },
}
const subresources = { status: {}, scale: { specReplicasPath: '.spec.count', statusReplicasPath: '.status.count' } }
await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
  metadata: { name: 'boxes.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'boxes', kind: 'Box' },
    versions: [{ name: 'v1', served: true, storage: true, schema, subresources }],
  },
})

const REPLICAS = { 'f:spec': { 'f:replicas': {} } }
const scale = (replicas: number, name = 'web') => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name },
  spec: { replicas },
})
/** Who owns the replicas: manager, operation, subresource. */
async function owners(url: string, field: string): Promise<string[]> {
  const { metadata } = (await api.get(url)).body
  return metadata.managedFields
    .filter(({ fieldsV1 }: Json) => fieldsV1['f:spec']?.[`f:${field}`])
    .map(({ manager, operation, subresource = '' }: Json) => `${manager} ${operation} ${subresource}`.trim())
}

describe('who sets a scale', () => {
  it('owns the replicas of the object, in an entry of its own without a time', async () => {
    await api.post(`${DEPLOYMENTS}?fieldManager=creator`, deployment('web', 1))
    assert.deepEqual(await owners(WEB, 'replicas'), ['creator Update'])
    await api.patch('merge', `${WEB}/scale?fieldManager=scaler`, { spec: { replicas: 2 } })
    const { managedFields } = (await api.get(WEB)).body.metadata
    assert.deepEqual(managedFields[0], {
      manager: 'scaler',
      operation: 'Update',
      apiVersion: 'apps/v1',
      fieldsType: 'FieldsV1',
      fieldsV1: REPLICAS,
      subresource: 'scale',
    })
    assert.deepEqual(await owners(WEB, 'replicas'), ['scaler Update scale'])
    await api.put(`${WEB}/scale?fieldManager=putter`, scale(3))
    assert.deepEqual(await owners(WEB, 'replicas'), ['putter Update scale'])
  })

  it('conflicts with other owners when applying, unless it forces, and shares what it agrees on', async () => {
    await api.post(`${DEPLOYMENTS}?fieldManager=creator`, deployment('web', 1))
    const refused = await api.patch('apply', `${WEB}/scale?fieldManager=app`, scale(5))
    assert.equal(refused.status, 409)
    assert.equal(
      refused.body.message,
      'Apply failed with 1 conflict: conflict with "creator" using autoscaling/v1: .spec.replicas',
    )
    const forced = await api.patch('apply', `${WEB}/scale?fieldManager=app&force=true`, scale(5))
    assert.equal(forced.status, 200, JSON.stringify(forced.body))
    assert.equal(forced.body.spec.replicas, 5)
    assert.equal(forced.body.metadata.managedFields, undefined)
    assert.deepEqual(await owners(WEB, 'replicas'), ['app Apply scale'])
    assert.equal((await api.patch('apply', `${WEB}/scale?fieldManager=other`, scale(5))).status, 200)
    assert.deepEqual(await owners(WEB, 'replicas'), ['app Apply scale', 'other Apply scale'])
    const { kind, apiVersion } = { kind: 'Deployment', apiVersion: 'apps/v1' }
    const whole = await api.patch('apply', `${WEB}?fieldManager=third`, { apiVersion, kind, spec: { replicas: 6 } })
    assert.match(whole.body.message, /conflicts? with "app" with subresource "scale"/)
  })

  it('must send a Scale', async () => {
    await api.post(DEPLOYMENTS, deployment('web', 1))
    const wrong = { ...scale(5), apiVersion: 'v1' }
    const refused = await api.patch('apply', `${WEB}/scale?fieldManager=app`, wrong)
    assert.deepEqual([refused.status, refused.body.message], [400, 'invalid object type: /v1, Kind=Scale'])
    assert.equal((await api.patch('apply', `${DEPLOYMENTS}/nope/scale?fieldManager=a`, scale(1, 'nope'))).status, 404)
  })

  it('does so on custom resources, wherever they keep their replicas', async () => {
    const box = { apiVersion: 'example.com/v1', kind: 'Box', metadata: { name: 'a' }, spec: { count: 1, word: 'x' } }
    await api.post(`${BOXES}?fieldManager=creator`, box)
    await api.patch('merge', `${BOXES}/a/scale?fieldManager=scaler`, { spec: { replicas: 2 } })
    assert.deepEqual(await owners(`${BOXES}/a`, 'count'), ['scaler Update scale'])
    const applied = { ...box, spec: { count: 7, word: 'z' } }
    const refused = await api.patch('apply', `${BOXES}/a?fieldManager=app`, applied)
    assert.equal(
      refused.body.message,
      'Apply failed with 2 conflicts: conflicts with "creator" using example.com/v1:\n- .spec.word\n' +
        'conflicts with "scaler" with subresource "scale" using example.com/v1:\n- .spec.count',
    )
    await api.patch('apply', `${BOXES}/a?fieldManager=app&force=true`, applied)
    assert.deepEqual(await owners(`${BOXES}/a`, 'count'), ['app Apply'])
    assert.equal((await api.patch('apply', `${BOXES}/a/scale?fieldManager=other`, scale(7, 'a'))).status, 200)
    assert.deepEqual(await owners(`${BOXES}/a`, 'count'), ['other Apply scale', 'app Apply'])
  })

  it('and who applies the status of one owns that status', async () => {
    const box = { apiVersion: 'example.com/v1', kind: 'Box', metadata: { name: 's' } }
    await api.post(BOXES, { ...box, spec: { count: 1 } })
    const status = (count: number, manager: string) =>
      api.patch('apply', `${BOXES}/s/status?fieldManager=${manager}`, { ...box, status: { count }, spec: { count: 9 } })
    const first = await status(4, 'first')
    assert.deepEqual([first.body.status, first.body.spec], [{ count: 4 }, { count: 1 }])
    const entry = first.body.metadata.managedFields.find(({ manager }: Json) => manager === 'first')
    assert.deepEqual([entry.subresource, entry.fieldsV1], ['status', { 'f:status': { 'f:count': {} } }])
    const second = await status(5, 'second')
    assert.equal(
      second.body.message,
      'Apply failed with 1 conflict: conflict with "first" with subresource "status": .status.count',
    )
  })
})
