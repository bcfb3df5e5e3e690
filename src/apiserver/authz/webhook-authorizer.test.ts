import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UserInfo } from '../../api/wire.ts'
import { FakeClock } from '../../base/clock.ts'
import { parseRequestInfo } from '../request-info.ts'
import { openMemoryStore } from '../storage/memory.ts'
import { parseAuthorizationConfiguration, type WebhookSettings } from './authorization-config.ts'
import { Authorizer } from './authorizer.ts'
import { WebhookAuthorizer } from './webhook-authorizer.ts'

const jane: UserInfo = { name: 'jane', groups: ['dev'] }
const info = (url: string) => {
  const { pathname, searchParams } = new URL(url, 'http://x')
  return parseRequestInfo('GET', pathname, searchParams)
}
const PODS = info('/api/v1/namespaces/blue/pods?labelSelector=a%20in%20(b,c)&fieldSelector=spec.nodeName=n1')

const WEBHOOK = {
  timeout: '3s',
  subjectAccessReviewVersion: 'v1',
  failurePolicy: 'NoOpinion',
  connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/k' },
}
const configuration = (webhook: object, more: object[] = []) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthorizationConfiguration',
  authorizers: [{ type: 'Webhook', name: 'hook', webhook: { ...WEBHOOK, ...webhook } }, ...more],
})
const compile = (source: string) => ({
  evaluate({ request }: Readonly<Record<string, unknown>>) {
    if (source === 'fails') throw new Error('no such key')
    return source === (request as { user: string }).user
  },
})
const settings = (webhook: object = {}) =>
  parseAuthorizationConfiguration(configuration(webhook), compile)[0] as WebhookSettings

async function setUp(answer: (review: Sent) => object, webhook: object = {}) {
  const clock = new FakeClock()
  const sent: Sent[] = []
  const hook = new WebhookAuthorizer(
    settings(webhook),
    async (review) => {
      sent.push(review as Sent)
      return { status: answer(review as Sent) }
    },
    clock,
  )
  const authorizer = await Authorizer.open(openMemoryStore(), ['Node', hook, 'RBAC'])
  return { clock, sent, authorizer, ask: async (who = jane, what = PODS) => authorizer.authorize(who, what) }
}
interface Sent {
  apiVersion: string
  spec: { user: string; group?: string[]; resourceAttributes?: object }
}

describe('the webhook authoriser', () => {
  it('is told what is asked, and its word counts', async () => {
    const { ask, sent } = await setUp(() => ({ allowed: true, reason: 'friend' }))
    assert.deepEqual(await ask(), { allowed: true, reason: 'friend', why: 'friend' })
    assert.deepEqual(sent[0], {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: 'jane',
        groups: ['dev'],
        resourceAttributes: {
          namespace: 'blue',
          verb: 'list',
          version: 'v1',
          resource: 'pods',
          fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }] },
          labelSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] },
        },
      },
    })
    const denying = await setUp(() => ({ allowed: false, denied: true, reason: 'foe' }))
    const { allowed, denied, reason } = await denying.ask()
    assert.deepEqual([allowed, denied], [false, true])
    assert.match(reason, /cannot list resource "pods" .*: foe$/)
    const silent = await setUp(() => ({ allowed: false, reason: 'unsure' }))
    assert.equal((await silent.ask()).why, 'unsure', 'the next is asked, the reason is kept')
  })

  it('the rest of the server does not wait for it', async () => {
    const { authorizer, sent } = await setUp(() => ({ allowed: true }))
    const decision = authorizer.authorize({ name: 'root', groups: ['system:masters'] }, PODS)
    assert.equal(decision instanceof Promise, false)
    assert.equal(sent.length, 0)
  })

  it('answers are remembered, yes longer than no', async () => {
    const { ask, sent, clock } = await setUp((review) => ({ allowed: review.spec.user === 'jane' }), {
      authorizedTTL: '1m',
      unauthorizedTTL: '10s',
    })
    const bob = { name: 'bob', groups: [] }
    for (const who of [jane, bob, jane, bob]) await ask(who)
    assert.equal(sent.length, 2)
    await clock.advance(10_000)
    for (const who of [jane, bob]) await ask(who)
    assert.deepEqual([sent.length, sent[2]!.spec.user], [3, 'bob'])
    await ask(jane, info(`/api/v1/namespaces/blue/pods/${'x'.repeat(10_001)}`))
    await ask(jane, info(`/api/v1/namespaces/blue/pods/${'x'.repeat(10_001)}`))
    assert.equal(sent.length, 5, 'overlong questions are not kept')
  })

  it('conditions spare it questions; what fails follows the policy', async () => {
    const answer = () => ({ allowed: true })
    const one = await setUp(answer, conditions('jane'))
    assert.equal((await one.ask()).allowed, true)
    assert.equal((await one.ask({ name: 'bob', groups: [] })).allowed, false)
    assert.equal(one.sent.length, 1)
    const open = await setUp(answer, conditions('fails'))
    assert.deepEqual([(await open.ask()).denied, (await open.ask()).evaluationError], [undefined, 'no such key'])
    const closed = await setUp(answer, { ...conditions('fails'), failurePolicy: 'Deny' })
    assert.equal((await closed.ask()).denied, true)
    const settled = await setUp(answer, { ...conditions('fails', 'bob'), failurePolicy: 'Deny' })
    assert.equal((await settled.ask()).denied, undefined, 'false settles it')
    const broken = await setUp(
      () => {
        throw new Error('connection refused')
      },
      { failurePolicy: 'Deny' },
    )
    assert.equal((await broken.ask()).denied, true)
  })

  it('the older version calls groups group', async () => {
    const { ask, sent } = await setUp(() => ({ allowed: true }), { subjectAccessReviewVersion: 'v1beta1' })
    await ask()
    assert.deepEqual([sent[0]!.apiVersion, sent[0]!.spec.group], ['authorization.k8s.io/v1beta1', ['dev']])
  })
})

const conditions = (...expressions: string[]) => ({
  matchConditionSubjectAccessReviewVersion: 'v1',
  matchConditions: expressions.map((expression) => ({ expression })),
})

describe('AuthorizationConfiguration', () => {
  it('is the order of the authorisers', () => {
    const more = [
      { type: 'Node', name: 'node' },
      { type: 'RBAC', name: 'rbac' },
    ]
    const [hook, ...rest] = parseAuthorizationConfiguration(configuration({}, more), compile)
    assert.deepEqual(rest, ['Node', 'RBAC'])
    const { authorizedTtlMs, unauthorizedTtlMs, timeoutMs, kubeConfigFile } = hook as WebhookSettings
    assert.deepEqual([authorizedTtlMs, unauthorizedTtlMs, timeoutMs, kubeConfigFile], [300_000, 30_000, 3000, '/k'])
  })

  it('says what is wrong, by field', () => {
    const table: [object, RegExp][] = [
      [
        configuration({ timeout: '31s' }),
        /authorizers\[0\]\.webhook\.timeout: Invalid value: "31s": must be > 0s and <= 30s/,
      ],
      [configuration({ timeout: undefined }), /webhook\.timeout: Required value/],
      [
        configuration({ failurePolicy: 'Maybe' }),
        /failurePolicy: Unsupported value: "Maybe": supported values: "Deny", "NoOpinion"/,
      ],
      [configuration({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: 'k' } }), /must be an absolute path/],
      [configuration({ matchConditions: [{ expression: 'x' }] }), /required if match conditions are specified/],
      [configuration({ authorizedTTL: '0s' }), /authorizedTTL: Invalid value: "0s": must be > 0s/],
      [configuration({}, [{ type: 'RBAC', name: 'hook' }]), /authorizers\[1\]\.name: Duplicate value: "hook"/],
      [configuration({}, [{ type: 'Magic', name: 'm' }]), /authorizers\[1\]\.type: Unsupported value: "Magic"/],
      [{ ...configuration({}), authorizers: [] }, /at least one authorization mode must be defined/],
    ]
    for (const [document, expected] of table) {
      assert.throws(() => parseAuthorizationConfiguration(document, compile), { message: expected })
    }
  })
})
