// For tests: a real HTTPS server on loopback with a certificate of its own authority, that answers review objects, and the objects
// that make it a Service of the cluster.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAuthority, issueCertificate, type KeyPair } from '../../base/certificates.ts'
import type { Json, TestApi } from '../test-api.ts'

export interface TestWebhook {
  readonly port: number
  /** As a clientConfig has it: base64 of PEM. */
  readonly caBundle: string
  /** Every review that arrived, in order. */
  readonly reviews: Json[]
  /** The request of every review. */
  readonly requests: IncomingMessage[]
  close(): Promise<void>
}

/** The answer's body, or undefined when the handler answered by itself. */
export type Answering = (review: Json, request: IncomingMessage, response: ServerResponse) => Json | Promise<Json>

export interface TestWebhookOptions {
  readonly dnsNames?: readonly string[]
  /** Client certificates of this authority are asked for. */
  readonly clientCa?: string
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex) => void
}

let authority: Promise<KeyPair> | undefined

export async function testWebhook(answering: Answering, options: TestWebhookOptions = {}): Promise<TestWebhook> {
  const { dnsNames = ['localhost'], clientCa, onUpgrade } = options
  const nowMs = Date.now()
  authority ??= createAuthority('webhooks', 3600_000, nowMs)
  const ca = await authority
  const usages = ['server'] as const
  const spec = { commonName: 'webhook', dnsNames, addresses: ['127.0.0.1'], usages, lifetimeMs: 3600_000 }
  const pair = await issueCertificate(ca, spec, nowMs)
  const reviews: Json[] = []
  const requests: IncomingMessage[] = []
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const review = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined
    reviews.push(review)
    requests.push(request)
    const answer = await answering(review, request, response)
    if (answer !== undefined) response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  }
  const client = clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}
  const server: Server = https.createServer({ ...pair, ...client }, (request, response) => {
    listener(request, response).catch((err) => response.destroy(err))
  })
  server.on('tlsClientError', () => undefined)
  if (onUpgrade) server.on('upgrade', onUpgrade)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(ca.cert).toString('base64'),
    reviews,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A port of loopback that nothing listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A Service whose port 443 leads to `port` at 127.0.0.1, as the cluster's own components write it. */
export async function publishService(api: TestApi, namespace: string, name: string, port: number): Promise<void> {
  const service = { metadata: { name }, spec: { ports: [{ name: 'https', port: 443 }] } }
  const made = await api.post(`/api/v1/namespaces/${namespace}/services`, service)
  if (made.status !== 201) throw new Error(JSON.stringify(made.body))
  await setEndpoints(api, namespace, name, port)
}

/** Straight into the store: the API refuses loopback addresses in slices. */
export async function setEndpoints(api: TestApi, namespace: string, name: string, port: number, ready = true) {
  const key = `/registry/discovery.k8s.io/endpointslices/${namespace}/${name}-1`
  const expect = (await api.store.get(key))?.revision ?? 0
  const object = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-1`,
      namespace,
      uid: 'a',
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: '',
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }
  await api.store.write({ key, expect, object: object as never })
}
