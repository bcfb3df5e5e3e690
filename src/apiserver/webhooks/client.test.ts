import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { FakeClock, systemClock } from '../../base/clock.ts'
import { testApi } from '../test-api.ts'
import { CallFailed } from './call-errors.ts'
import { type CallOptions, type ClientConfig, WebhookClient } from './client.ts'
import {
  type Answering,
  closedPort,
  publishService,
  setEndpoints,
  type TestWebhook,
  testWebhook,
} from './test-webhook.ts'

const api = await testApi()
await api.post('/api/v1/namespaces', { metadata: { name: 'hooks' } })
const open: { close(): unknown }[] = []
const client = new WebhookClient({ store: api.store, clock: systemClock, random: Math.random })
after(async () => {
  client.close()
  for (const one of open) await one.close()
  await api.close()
})

async function webhook(answering: Answering, dnsNames?: string[]): Promise<TestWebhook> {
  const made = await testWebhook(answering, dnsNames ? { dnsNames } : {})
  open.push(made)
  return made
}
const options = (more: Partial<CallOptions> = {}): CallOptions => ({
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  ...more,
})
const byUrl = (hook: TestWebhook, path = '/review'): ClientConfig => ({
  url: `https://127.0.0.1:${hook.port}${path}`,
  caBundle: hook.caBundle,
})
const failure = async (config: ClientConfig, more?: Partial<CallOptions>): Promise<CallFailed> => {
  const err = await client.post(config, {}, options(more)).catch((err) => err)
  assert.ok(err instanceof CallFailed, String(err))
  return err
}

describe('a call by URL', () => {
  it('posts the object as JSON, tells the time it has, and keeps the connection for the next call', async () => {
    const hook = await webhook((review) => ({ echo: review }))
    assert.deepEqual(await client.post(byUrl(hook), { kind: 'Review' }, options()), { echo: { kind: 'Review' } })
    await client.post(byUrl(hook), {}, options())
    const [first, second] = hook.requests
    assert.equal(first?.url, '/review?timeout=10s')
    assert.equal(first?.headers['content-type'], 'application/json')
    assert.equal(first?.socket, second?.socket)
  })

  it('says so when the certificate is not of the authority that was named', async () => {
    const hook = await webhook(() => ({}))
    const err = await failure({ url: `https://127.0.0.1:${hook.port}/` })
    assert.equal(
      err.message,
      `Post "https://127.0.0.1:${hook.port}/?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    )
    assert.equal(err.status.code, 503)
  })

  it('says so when nobody listens', async () => {
    const port = await closedPort()
    const err = await failure({ url: `https://127.0.0.1:${port}/` })
    const at = `127.0.0.1:${port}`
    assert.equal(err.message, `Post "https://${at}/?timeout=10s": dial tcp ${at}: connect: connection refused`)
  })

  it('gives up when its time is over', async () => {
    const hook = await webhook(() => new Promise(() => undefined))
    const clock = new FakeClock()
    const own = new WebhookClient({ store: api.store, clock, random: Math.random })
    const call = own.post(byUrl(hook), {}, options({ timeoutMs: 1500 })).catch((err) => err)
    void clock.advance(1500)
    const err = await call
    assert.ok(err instanceof CallFailed)
    assert.equal(err.message, `Post "https://127.0.0.1:${hook.port}/review?timeout=2s": context deadline exceeded`)
    assert.equal(err.timedOut, true)
    own.close()
  })

  it('ends with the caller’s own reason when it is aborted', async () => {
    const hook = await webhook(() => new Promise(() => undefined))
    const stop = new AbortController()
    const call = client.post(byUrl(hook), {}, options({ signal: stop.signal }))
    const why = new Error('the client left')
    setImmediate(() => stop.abort(why))
    await assert.rejects(call, why)
  })

  it('reads answers only up to their bound', async () => {
    const hook = await webhook(() => ({ long: 'x'.repeat(5000) }))
    const err = await failure(byUrl(hook), { maxAnswerBytes: 1000 })
    assert.match(err.message, /: the answer is larger than 1000 bytes$/)
  })

  it('turns answers that are no success into the standard client’s sentences', async () => {
    const answers: [number, string, string][] = [
      [404, 'nope', 'the server could not find the requested resource'],
      [500, 'boom', 'an error on the server ("boom") has prevented the request from succeeding'],
      [418, 'tea', 'the server responded with the status code 418 but did not return more information'],
      [400, '{"kind":"Status","status":"Failure","message":"not today","code":400}', 'not today'],
    ]
    const hook = await webhook((_review, request, response) => {
      const [code, text] = answers[Number(request.url?.slice(1, 2))]!
      response.writeHead(code).end(text)
    })
    for (const [i, [code, , message]] of answers.entries()) {
      const err = await failure(byUrl(hook, `/${i}`))
      assert.equal(err.message, message)
      assert.equal(err.status.code, code)
    }
  })

  it('is made again when the kept connection was closed meanwhile', async () => {
    const hook = await webhook((_review, request, response) => {
      response.once('finish', () => request.socket.destroySoon())
      return {}
    })
    for (let i = 0; i < 5; i++) assert.deepEqual(await client.post(byUrl(hook), {}, options()), {})
  })

  it('sends a token and a client certificate where it has them', async () => {
    const hook = await webhook(() => ({}))
    await client.post(byUrl(hook), {}, options({ credentials: { token: 'secret' }, tellTimeout: false }))
    assert.equal(hook.requests[0]?.headers['authorization'], 'Bearer secret')
    assert.equal(hook.requests[0]?.url, '/review')
  })
})

describe('a call to a Service', () => {
  const service = (name: string, caBundle: string): ClientConfig => ({
    service: { namespace: 'hooks', name, path: '/mutate' },
    caBundle,
  })

  it('reaches a ready endpoint under the Service’s name', async () => {
    const hook = await webhook(() => ({ ok: true }), ['front.hooks.svc'])
    await publishService(api, 'hooks', 'front', hook.port)
    assert.deepEqual(await client.post(service('front', hook.caBundle), {}, options()), { ok: true })
    assert.equal(hook.requests[0]?.headers.host, 'front.hooks.svc:443')
    assert.equal(hook.requests[0]?.url, '/mutate?timeout=10s')
  })

  it('is refused a certificate for another name', async () => {
    const hook = await webhook(() => ({}), ['other.hooks.svc'])
    await publishService(api, 'hooks', 'renamed', hook.port)
    const err = await failure(service('renamed', hook.caBundle))
    assert.match(err.message, /certificate is valid for other\.hooks\.svc, 127\.0\.0\.1, not renamed\.hooks\.svc$/)
  })

  it('says what is missing: the Service, a port, an endpoint', async () => {
    const post = 'Post "https://gone.hooks.svc:443/mutate?timeout=10s": '
    assert.equal((await failure(service('gone', ''))).message, `${post}service "gone" not found`)
    const hook = await webhook(() => ({}))
    await publishService(api, 'hooks', 'empty', hook.port)
    await setEndpoints(api, 'hooks', 'empty', hook.port, false)
    assert.match((await failure(service('empty', ''))).message, /: no endpoints available for service "empty"$/)
    const wrongPort = { service: { namespace: 'hooks', name: 'empty', port: 8443 } }
    assert.match((await failure(wrongPort)).message, /: no service port 8443 found for service "empty"$/)
  })
})
