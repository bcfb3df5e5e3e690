import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../api/kinds/event.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from './api-client.ts'
import { createEventRecorder } from './event-recorder.ts'
import { ScriptedApi } from './scripted-api.ts'

const about = (name: string, namespace?: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    ...(namespace ? { namespace } : {}),
    uid: `uid-${name}`,
    resourceVersion: '7',
    creationTimestamp: '',
  },
})

function setUp() {
  const api = new ScriptedApi()
  const clock = new FakeClock()
  const stop = new AbortController()
  const ctx = { signal: stop.signal, log: silentLogger }
  const recorder = createEventRecorder(ctx, createClient(api), clock, { component: 'kubelet', host: 'n1' })
  return { api, clock, recorder, stop, events: () => api.objects() as Event[] }
}

test('an event says what, when, where and who, in the standard fields', async () => {
  const { recorder, events } = setUp()
  recorder.event(about('web', 'blue'), 'Normal', 'Pulled', 'Image present', { fieldPath: 'spec.containers{nginx}' })
  await recorder.settled()
  const [event] = events()
  assert.match(event!.metadata.name, /^web\.[0-9a-f]{16}$/)
  assert.deepEqual(
    { ...event, metadata: undefined },
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: undefined,
      involvedObject: {
        kind: 'Pod',
        namespace: 'blue',
        name: 'web',
        uid: 'uid-web',
        apiVersion: 'v1',
        resourceVersion: '7',
        fieldPath: 'spec.containers{nginx}',
      },
      reason: 'Pulled',
      message: 'Image present',
      source: { component: 'kubelet', host: 'n1' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
      type: 'Normal',
      reportingComponent: 'kubelet',
      reportingInstance: 'n1',
    },
  )
})

test('events about objects without namespace go to default', async () => {
  const { recorder, events } = setUp()
  recorder.event(about('n1'), 'Normal', 'NodeReady', 'ready')
  await recorder.settled()
  assert.equal(events()[0]?.metadata.namespace, 'default')
})

test('a repetition raises the count of the event that is there', async () => {
  const { recorder, events, clock, api } = setUp()
  for (let i = 0; i < 3; i++) {
    recorder.event(about('web', 'blue'), 'Warning', 'BackOff', 'Back-off restarting failed container')
    await clock.advance(10_000)
  }
  await recorder.settled()
  assert.equal(events().length, 1)
  assert.equal(events()[0]?.count, 3)
  assert.equal(events()[0]?.firstTimestamp, '2026-01-01T00:00:00Z')
  assert.equal(events()[0]?.lastTimestamp, '2026-01-01T00:00:20Z')
  assert.deepEqual(
    api.calls.map((c) => c.split(' ')[0]),
    ['POST', 'PATCH', 'PATCH'],
  )
})

test('an event that expired meanwhile is written anew with its count', async () => {
  const { recorder, events, api } = setUp()
  recorder.event(about('web', 'blue'), 'Warning', 'BackOff', 'again')
  await recorder.settled()
  api.remove(`/api/v1/namespaces/blue/events/${events()[0]?.metadata.name}`)
  recorder.event(about('web', 'blue'), 'Warning', 'BackOff', 'again')
  await recorder.settled()
  assert.equal(events().length, 1)
  assert.equal(events()[0]?.count, 2)
})

test('an object may cause 25 events at once and one more every five minutes', async () => {
  const { recorder, api, clock } = setUp()
  const say = () => recorder.event(about('web', 'blue'), 'Normal', 'Pulled', 'same')
  for (let i = 0; i < 40; i++) say()
  await recorder.settled()
  assert.equal(api.calls.length, 25)
  await clock.advance(5 * 60_000)
  say()
  say()
  await recorder.settled()
  assert.equal(api.calls.length, 26)
  recorder.event(about('other', 'blue'), 'Normal', 'Pulled', 'same')
  await recorder.settled()
  assert.equal(api.calls.length, 27)
})

test('from the tenth on, events that differ only in their message are combined into one', async () => {
  const { recorder, events } = setUp()
  for (let i = 1; i <= 14; i++)
    recorder.event(about('web', 'blue'), 'Normal', 'SuccessfulCreate', `Created pod: web-${i}`)
  await recorder.settled()
  assert.equal(events().length, 10)
  const combined = events().at(-1)
  assert.equal(combined?.message, '(combined from similar events): Created pod: web-14')
  assert.equal(combined?.count, 5)
})

test('events wait while the API is away', async () => {
  const { recorder, api, clock, events } = setUp()
  api.failure = new Error('connect ECONNREFUSED')
  recorder.event(about('web', 'blue'), 'Normal', 'Killing', 'Stopping container nginx')
  await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(20_000)
  assert.equal(events().length, 0)
  api.failure = undefined
  await clock.advance(20_000)
  await recorder.settled()
  assert.equal(events().length, 1)
})

test('what the server refuses is dropped at once', async () => {
  const { recorder, api, clock } = setUp()
  const { forbidden } = await import('../api/meta/errors.ts')
  api.failure = forbidden({ group: '', resource: 'events' }, 'web', 'the namespace is being terminated')
  recorder.event(about('web', 'blue'), 'Normal', 'Killing', 'Stopping container nginx')
  await recorder.settled()
  assert.equal(api.calls.length, 1)
  assert.equal(clock.untilNextMs(), undefined)
})
