import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMap, testApi } from './test-api.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'

test('metrics have the names and labels that dashboards know', async () => {
  const api = await testApi()
  await api.post(MAPS, configMap('a'))
  await api.get(MAPS)
  const watch = await api.watch(MAPS)
  await watch.next()
  const { body: text, headers } = await api.get('/metrics')
  assert.match(headers['content-type']!, /^text\/plain; version=0\.0\.4; charset=utf-8$/)
  const has = (line: string) => assert.ok(text.split('\n').includes(line), `${line}\n${text}`)
  const labels = 'group="",version="v1",resource="configmaps",subresource="",scope="namespace",component="apiserver"'
  has(`apiserver_request_total{verb="LIST",${labels},dry_run="",code="200"} 1`)
  has(`apiserver_request_duration_seconds_count{verb="LIST",${labels},dry_run=""} 1`)
  has(`apiserver_response_sizes_bucket{verb="LIST",${labels},le="1000"} 1`)
  has(`apiserver_longrunning_requests{verb="WATCH",${labels},dry_run=""} 1`)
  has('apiserver_watch_events_total{group="",version="v1",resource="configmaps"} 1')
  has('apiserver_current_inflight_requests{request_kind="readOnly"} 1')
  has('apiserver_storage_objects{resource="configmaps"} 1')
  has('apiserver_resource_objects{group="flowcontrol.apiserver.k8s.io",resource="flowschemas"} 11')
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds']) {
    assert.match(text, new RegExp(`^${name} [0-9.e+]+$`, 'm'))
  }
  assert.match(text, /^process_open_fds \d+$/m)
  assert.match(text, /^kubernetes_build_info\{.*git_version="v1\.36.*\} 1$/m)
  assert.match(text, /^apiserver_flowcontrol_nominal_limit_seats\{priority_level="system"\} 74$/m)
  const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1])
  assert.equal(new Set(types).size, types.length, 'each family once')
  watch.stop()
  await api.close()
})
