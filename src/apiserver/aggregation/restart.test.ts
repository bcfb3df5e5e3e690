import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CRON_TABS, cronTab, cronTabs, establish } from '../crd/crd-fixtures.ts'
import { type Json, testApi } from '../test-api.ts'

const SERVICE = '/apis/apiregistration.k8s.io/v1/apiservices/v1.stable.example.com'

test('a server that starts again serves custom resources at once and keeps their APIService as it was', async () => {
  const before = await testApi()
  await establish(before, cronTabs())
  await before.post(CRON_TABS, cronTab('a'))
  const watch = await before.watch(
    `${SERVICE.replace(/\/[^/]+$/, '')}?fieldSelector=metadata.name=v1.stable.example.com`,
  )
  const { object } = await watch.next()
  watch.stop()
  await before.server.close()
  const changes: Json[] = []
  const after = await testApi({ store: before.store })
  const seen = await after.watch(
    `/apis/apiregistration.k8s.io/v1/apiservices?resourceVersion=${object.metadata.resourceVersion}`,
  )
  void seen.next().then(
    (event) => changes.push(event),
    () => undefined,
  )
  assert.equal((await after.get(`${CRON_TABS}/a`)).status, 200)
  const { body } = await after.get(SERVICE)
  assert.equal(body.metadata.uid, object.metadata.uid)
  assert.equal(body.metadata.resourceVersion, object.metadata.resourceVersion)
  assert.deepEqual(changes, [])
  seen.stop()
  await after.server.close()
  await before.close()
})
