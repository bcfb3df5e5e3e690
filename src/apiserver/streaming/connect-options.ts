// What a connection asks for, as the object that admission is shown: PodExecOptions, PodAttachOptions and the like, from the query.
import type { KubeObject } from '../../api/meta/object.ts'
import type { Call, Registry } from '../registry/call.ts'
import { admissionRequest } from '../registry/write.ts'
import { isTrue } from '../request-info.ts'

const KINDS: Readonly<Record<string, string>> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
}
const STREAMS = ['stdin', 'stdout', 'stderr', 'tty'] as const

/** @throws StatusError when a plug-in refuses */
export async function admitConnect(registry: Registry, call: Call): Promise<void> {
  const { kind, info, query } = call
  const name = KINDS[info.subresource] ?? `${kind.kind}ProxyOptions`
  const bodyKind = { group: '', version: 'v1', kind: name }
  const options = connectOptions(info.subresource, name, info.rest, query) as KubeObject
  const admission = admissionRequest(call, 'CONNECT', options, undefined, false, { bodyKind })
  await registry.admission.mutate(admission)
  await registry.admission.validate(admission)
}

export function connectOptions(subresource: string, kind: string, rest: string, query: URLSearchParams): object {
  const head = { kind, apiVersion: 'v1' }
  if (subresource === 'proxy') return { ...head, ...(rest ? { path: rest } : {}) }
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap((text) => text.split(',').map(Number))
    return { ...head, ...(ports.length > 0 ? { ports } : {}) }
  }
  const streams = Object.fromEntries(STREAMS.filter((name) => isTrue(query.get(name))).map((name) => [name, true]))
  const container = query.get('container')
  const command = query.getAll('command')
  return {
    ...head,
    ...streams,
    ...(container ? { container } : {}),
    ...(subresource === 'exec' ? { command } : {}),
  }
}
