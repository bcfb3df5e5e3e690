// The audit log from requests to lines: what a policy lets through, and what the events say.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { forbidden, unauthorized } from '../../api/meta/errors.ts'
import { FakeClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { openMemoryStore } from '../storage/memory.ts'
import type { Store } from '../storage/store.ts'
import { ADMIN, configMap, type Json, testApi } from '../test-api.ts'
import { AuditLog, type AuditOutput, RotatedFile, surplusBackups } from './audit-log.ts'
import { Auditor } from './auditor.ts'
import { auditedAuthentication } from './connection.ts'
import { rememberImpersonator, rememberRefused } from './impersonators.ts'
import { type AuditPolicy, auditDecision, parsePolicy } from './policy.ts'

const policyOf = (rules: object[], more: object = {}) =>
  parsePolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more })

async function audited(policy: AuditPolicy) {
  const events: Json[] = []
  const api = await testApi({ audit: { policy, sink: { write: (line) => events.push(JSON.parse(line)) } } })
  events.length = 0
  return { api, events }
}
const MAPS = '/api/v1/namespaces/default/configmaps'

test('a request is told when it arrives and when it is answered, with who, what and why', async () => {
  const { api, events } = await audited(policyOf([{ level: 'Metadata' }]))
  const { headers } = await api.post(`${MAPS}?dryRun=All`, configMap('a'), { headers: { 'user-agent': 'x' } })
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseComplete'],
  )
  const [first, last] = events
  assert.equal(first.responseStatus, undefined)
  assert.deepEqual(last, {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: headers['audit-id'],
    stage: 'ResponseComplete',
    requestURI: `${MAPS}?dryRun=All`,
    verb: 'create',
    user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    userAgent: 'x',
    objectRef: { resource: 'configmaps', namespace: 'default', apiVersion: 'v1', name: 'a' },
    responseStatus: { metadata: {}, code: 201 },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    stageTimestamp: '2026-01-01T00:00:00.000000Z',
    annotations: {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': last.annotations['authorization.k8s.io/reason'],
    },
  })
  await api.close()
})

test('bodies are told at their levels, and managed fields left out where the policy says so', async () => {
  const { api, events } = await audited(
    policyOf([
      { level: 'Request', verbs: ['create'] },
      { level: 'RequestResponse', omitStages: ['RequestReceived'], omitManagedFields: true },
    ]),
  )
  await api.post(MAPS, configMap('a', { key: 'value' }))
  assert.deepEqual(events.at(-1).requestObject.data, { key: 'value' })
  assert.equal(events.at(-1).responseObject, undefined)
  events.length = 0
  await api.get(MAPS)
  assert.equal(events.length, 1)
  const [found] = events[0].responseObject.items
  assert.deepEqual([found.data, found.metadata.managedFields], [{ key: 'value' }, undefined])
  await api.patch('merge', `${MAPS}/a`, { data: { key: 'next' } })
  assert.deepEqual(events.at(-1).requestObject, { data: { key: 'next' } })
  await api.get(`${MAPS}/none`)
  assert.equal(events.at(-1).responseStatus.reason, 'NotFound')
  assert.equal(events.at(-1).responseStatus.code, 404)
  await api.close()
})

test('a watch is told when it begins and when it has ended', async () => {
  const { api, events } = await audited(policyOf([{ level: 'Metadata' }], { omitStages: ['RequestReceived'] }))
  const watch = await api.watch(MAPS)
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['ResponseStarted'],
  )
  const ended = watch.ended()
  watch.stop()
  await ended
  assert.equal(events.at(-1).stage, 'ResponseComplete')
  await api.close()
})

test('a refusal says so, and who acts as somebody else is told with both names', async () => {
  const { api, events } = await audited(policyOf([{ level: 'Metadata' }]))
  const jane = rememberImpersonator({ name: 'jane', groups: ['system:authenticated'] }, ADMIN)
  await api.get(MAPS, { user: jane })
  const event = events.at(-1)
  assert.deepEqual([event.user.username, event.impersonatedUser.username], ['admin', 'jane'])
  assert.equal(event.annotations['authorization.k8s.io/decision'], 'forbid')
  assert.equal(event.responseStatus.code, 403)
  await api.close()
})

test('wrong credentials and refused impersonations are told', async () => {
  const events: Json[] = []
  const sink = { write: (line: string) => events.push(JSON.parse(line)) }
  const policy = policyOf([{ level: 'Metadata' }], { omitStages: ['RequestReceived'] })
  const audit = new Auditor({ policy, sink, clock: new FakeClock() })
  const jane = { name: 'jane', groups: [] }
  const attempt = async (err: Error) => {
    const authenticate = auditedAuthentication({ audit, newUid: () => 'id' }, async () => Promise.reject(err))
    const credentials = { headers: {}, path: '/api/v1/pods', query: new URLSearchParams() }
    await assert.rejects(authenticate(credentials, new AbortController()), err)
    return events.at(-1)
  }
  const wrong = await attempt(unauthorized())
  assert.deepEqual([wrong.user, wrong.responseStatus.code, wrong.stage], [{ username: '' }, 401, 'ResponseComplete'])
  const refusal = forbidden({ group: '', resource: 'users' }, 'root', 'no')
  rememberRefused(refusal, jane)
  const refused = await attempt(refusal)
  assert.deepEqual([refused.user.username, refused.responseStatus.code], ['jane', 403])
})

test('every answer has an audit id: the client’s, or a new one', async () => {
  const api = await testApi()
  const { headers } = await api.get('/version', { headers: { 'audit-id': 'mine' } })
  assert.equal(headers['audit-id'], 'mine')
  assert.match((await api.get('/version')).headers['audit-id']!, /^[0-9a-f-]{36}$/)
  await api.close()
})

test('the first rule that matches decides; what none matches is not told', () => {
  const level = (rule: object, attributes: object = {}, user: object = {}) => {
    const who = { name: 'jane', groups: ['dev', 'system:authenticated'], ...user }
    const what = {
      isResource: true,
      verb: 'get',
      path: '/x',
      group: '',
      version: 'v1',
      resource: 'pods',
      subresource: '',
      namespace: 'blue',
      name: 'p',
      ...attributes,
    }
    return auditDecision(policyOf([{ level: 'Metadata', ...rule }]), who, what).level
  }
  const cases: [rule: object, expected: boolean, attributes?: object][] = [
    [{}, true],
    [{ users: ['jane'] }, true],
    [{ users: ['joe'] }, false],
    [{ userGroups: ['ops', 'dev'] }, true],
    [{ userGroups: ['ops'] }, false],
    [{ verbs: ['list'] }, false],
    [{ namespaces: ['blue'] }, true],
    [{ namespaces: [''] }, false],
    [{ namespaces: ['blue'] }, false, { isResource: false }],
    [{ resources: [{ group: '' }] }, true],
    [{ resources: [{ group: 'apps' }] }, false],
    [{ resources: [{ group: '*', resources: ['pods'] }] }, true],
    [{ resources: [{ group: '', resources: ['pods'] }] }, false, { subresource: 'log' }],
    [{ resources: [{ group: '', resources: ['pods/log'] }] }, true, { subresource: 'log' }],
    [{ resources: [{ group: '', resources: ['*/log'] }] }, true, { subresource: 'log' }],
    [{ resources: [{ group: '', resources: ['pods/*'] }] }, true, { subresource: 'log' }],
    [{ resources: [{ group: '', resources: ['*'] }] }, true, { subresource: 'log' }],
    [{ resources: [{ group: '', resources: ['pods'], resourceNames: ['q'] }] }, false],
    [{ resources: [{ group: '', resources: ['pods'], resourceNames: ['p'] }] }, true],
    [{ nonResourceURLs: ['/healthz*'] }, true, { isResource: false, path: '/healthz/ping' }],
    [{ nonResourceURLs: ['/healthz'] }, false, { isResource: false, path: '/healthz/ping' }],
    [{ nonResourceURLs: ['*'] }, false],
  ]
  for (const [rule, expected, attributes] of cases) {
    assert.equal(level(rule, attributes) === 'Metadata', expected, JSON.stringify([rule, attributes]))
  }
})

test('a policy that can not be used says which field is wrong', () => {
  const wrong: [rules: unknown, message: RegExp][] = [
    [[], /rules: Required/],
    [[{}], /rules\[0\]\.level: Required value/],
    [[{ level: 'All' }], /rules\[0\]\.level: Unsupported value: "All": supported values: "None", "Metadata"/],
    [[{ level: 'None', nonResourceURLs: ['x'] }], /must begin with a '\/' character/],
    [[{ level: 'None', nonResourceURLs: ['/a*b'] }], /must be the final character/],
    [[{ level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] }], /cannot apply to both/],
    [[{ level: 'None', resources: [{ group: 'apps/v1' }] }], /resources\[0\]\.group: Invalid/],
    [[{ level: 'None', resources: [{ resourceNames: ['a'] }] }], /requires at least one resource/],
    [[{ level: 'None', omitStages: ['Never'] }], /allowed stages are RequestReceived,/],
    [[{ level: 'None', verb: 'get' }], /rules\[0\]\.verb: unknown field/],
    [[{ level: 'None', users: 'jane' }], /users: Invalid value.*list of strings/],
  ]
  for (const [rules, message] of wrong) {
    const value = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }
    assert.throws(() => parsePolicy(value), message)
  }
  assert.throws(() => parsePolicy({ apiVersion: 'audit.k8s.io/v1beta1', kind: 'Policy' }), /must be a Policy/)
})

test('the file is put aside by size, and only so many are kept', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-audit-'))
  const clock = new FakeClock()
  const path = join(directory, 'audit.log')
  const file = await RotatedFile.open(path, { maxSizeBytes: 100, maxBackups: 2, maxAgeDays: 0 }, clock)
  for (let i = 0; i < 5; i++) {
    await file.append(`${`${i}`.repeat(60)}\n`)
    await clock.advance(1000)
  }
  await file.close()
  const names = (await readdir(directory)).sort()
  assert.deepEqual(names, ['audit-2026-01-01T00-00-03.000.log', 'audit-2026-01-01T00-00-04.000.log', 'audit.log'])
  assert.equal(await readFile(path, 'utf8'), `${'4'.repeat(60)}\n`)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await rm(directory, { recursive: true })
})

test('files put aside too long ago are removed; others are not touched', () => {
  const names = ['audit-2026-01-01T00-00-00.000.log', 'audit-2026-01-09T00-00-00.000.log', 'audit-me.log', 'other.log']
  const rotation = { maxSizeBytes: 1, maxBackups: 0, maxAgeDays: 3 }
  assert.deepEqual(surplusBackups(names, 'audit.log', rotation, Date.UTC(2026, 0, 10)), [names[0]])
})

test('what does not fit in memory is dropped and counted; requests do not wait', async () => {
  let release = () => {}
  const written: string[] = []
  const output: AuditOutput = {
    append: async (text) => {
      written.push(text)
      await new Promise<void>((resolve) => {
        release = resolve
      })
    },
    close: async () => {},
  }
  const log = new AuditLog(output, silentLogger, 10)
  log.write('12345')
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  for (let i = 0; i < 5; i++) log.write('67890')
  assert.deepEqual(log.counts, { taken: 6, lost: 3 })
  release()
  await new Promise((resolve) => setImmediate(resolve))
  release()
  await log.close()
  assert.deepEqual(written, ['12345\n', '67890\n67890\n'])
})

test('what a client says of the object it replaces is told, and the name that was made for a new one', async () => {
  const { api, events } = await audited(policyOf([{ level: 'Metadata' }], { omitStages: ['RequestReceived'] }))
  const { body } = await api.post(MAPS, { metadata: { generateName: 'made-' } })
  assert.equal(events.at(-1).objectRef.name, body.metadata.name)
  const { uid, resourceVersion } = body.metadata
  await api.put(`${MAPS}/${body.metadata.name}`, { ...body, data: { a: 'b' } })
  const { level, requestObject, objectRef } = events.at(-1)
  assert.deepEqual([level, requestObject], ['Metadata', undefined])
  assert.deepEqual([objectRef.uid, objectRef.resourceVersion], [uid, resourceVersion])
  await api.close()
})

test('an error that nobody foresaw is a panic, and no answer besides', async () => {
  const memory = openMemoryStore()
  const store = new Proxy(memory, {
    get(target, property) {
      const value = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      if (property !== 'write') return value.bind(target)
      return async (write: Parameters<Store['write']>[0]) => {
        if (write.key.endsWith('/broken')) throw new RangeError('out of luck')
        return target.write(write)
      }
    },
  })
  const events: Json[] = []
  const audit = {
    policy: policyOf([{ level: 'Metadata' }]),
    sink: { write: (line: string) => events.push(JSON.parse(line)) },
  }
  const api = await testApi({ store, audit })
  events.length = 0
  assert.equal((await api.post(MAPS, configMap('broken'))).status, 500)
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'Panic'],
  )
  const { code, reason, message } = events[1].responseStatus
  assert.deepEqual([code, reason, message], [500, 'InternalError', "APIServer panic'd: out of luck"])
  await api.close()
})
