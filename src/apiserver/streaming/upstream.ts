// Where a connection through the server leads: to a node's agent, or straight to a pod's address for the proxy subresources of pods
// and services. Works out the target; opening it is the caller's.
import http, { type ClientRequest } from 'node:http'
import https from 'node:https'
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import { Service } from '../../api/kinds/service.ts'
import { badRequest, notFound, serviceUnavailable } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { type Call, callOn, type Registry } from '../registry/call.ts'
import { read } from '../registry/get.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { NodeConnections } from './node-connection.ts'
import { connectPath, nodeOf } from './pod-target.ts'

export interface Upstream {
  /** For messages. */
  readonly url: string
  open(method: string, headers: Record<string, string | string[]>): ClientRequest
}

/** @throws StatusError when there is nowhere to connect to */
export async function upstreamOf(registry: Registry, call: Call, nodes: NodeConnections): Promise<Upstream> {
  const { info, kind } = call
  if (info.subresource !== 'proxy') {
    const pod = (await read(registry, call)).object as DeepReadonly<Pod>
    return nodeUpstream(nodes, nodeOf(pod), connectPath(pod, info.subresource, call.query))
  }
  const path = `${info.rest || '/'}${call.query.size > 0 ? `?${call.query}` : ''}`
  if (kind.plural === 'nodes') return nodeUpstream(nodes, splitName(info.name).name, path)
  const { scheme, name, port } = splitName(info.name)
  const named = callOn(call, { info: { ...info, name } })
  const address = kind.plural === 'pods' ? podAddress(named, port, registry) : serviceAddress(named, port, registry)
  return directUpstream(scheme, await address, path)
}

async function nodeUpstream(nodes: NodeConnections, nodeName: string, path: string): Promise<Upstream> {
  const target = await nodes.locate(nodeName)
  return {
    url: `https://${target.host}:${target.port}${path}`,
    open: (method, headers) => nodes.open(target, { method, path, headers }),
  }
}

function directUpstream(scheme: string, { host, port }: { host: string; port: number }, path: string): Upstream {
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
  return {
    url,
    open(method, headers) {
      // k8s: what answers behind the proxy isn't part of the cluster's trust; its certificate isn't checked.
      if (scheme === 'https')
        return https.request({ host, port, path, method, headers, agent: false, rejectUnauthorized: false })
      return http.request({ host, port, path, method, headers, agent: false })
    },
  }
}

/** `name`, `name:port`, `scheme:name:port` */
export function splitName(text: string): { scheme: string; name: string; port: string } {
  const parts = text.split(':')
  const bad = () => badRequest(`invalid request ${JSON.stringify(text)}`)
  if (parts.length === 1) return { scheme: 'http', name: text, port: '' }
  if (parts.length === 2) return { scheme: 'http', name: parts[0]!, port: parts[1]! }
  const [scheme, name, port] = parts as [string, string, string]
  if (parts.length !== 3 || !name || !['', 'http', 'https'].includes(scheme)) throw bad()
  return { scheme: scheme || 'http', name, port }
}

async function podAddress(call: Call, port: string, registry: Registry) {
  const pod = (await read(registry, call)).object as DeepReadonly<Pod>
  const host = pod.status?.podIP
  if (!host) throw serviceUnavailable(`address not allowed or pod ${pod.metadata.name} has no IP yet`)
  if (port) return { host, port: Number(port) || namedPort(pod, port) }
  const first = pod.spec.containers.flatMap((c) => c.ports ?? [])[0]
  return { host, port: first?.containerPort ?? 80 }
}

function namedPort(pod: DeepReadonly<Pod>, name: string): number {
  const found = pod.spec.containers.flatMap((c) => c.ports ?? []).find((p) => p.name === name)
  if (!found) throw badRequest(`pod ${pod.metadata.name} has no port named ${JSON.stringify(name)}`)
  return found.containerPort
}

async function serviceAddress(call: Call, port: string, { store, random }: Registry) {
  const { namespace, name } = call.info
  const entry = await store.get(keyOf(Service as never, namespace, name))
  if (!entry) throw notFound({ group: '', resource: 'services' }, name)
  const service = entry.object as unknown as DeepReadonly<Service>
  const ports = service.spec.ports ?? []
  const chosen = port ? ports.find((p) => p.name === port || String(p.port) === port) : ports[0]
  if (!chosen && !port) throw serviceUnavailable(`no service port found for service ${JSON.stringify(name)}`)
  if (!chosen)
    throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`)
  const slices = (await store.list(prefixOf(EndpointSlice as never, namespace))).entries
    .map((e) => e.object as unknown as DeepReadonly<EndpointSlice>)
    .filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === name)
  const addresses = slices.flatMap((slice) => {
    const target = slice.ports?.find((p) => (p.name ?? '') === (chosen.name ?? ''))?.port
    if (target === undefined) return []
    const ready = (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false)
    return ready.flatMap((endpoint) => endpoint.addresses.map((host) => ({ host, port: target })))
  })
  if (addresses.length === 0) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`)
  return addresses[Math.floor(random() * addresses.length)]!
}
