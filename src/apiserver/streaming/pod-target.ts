// Which node and container a request for logs, exec, attach or port-forward means, and the path on the node's agent that serves it.
// Pure. k8s: the sentences about containers are those that users of kubectl know.

import type { Pod } from '../../api/kinds/pod.ts'
import { badRequest } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isTrue } from '../request-info.ts'

type AnyPod = DeepReadonly<Pod>

/** @throws BadRequest when none is named and there are several, or when there is none of that name */
export function chooseContainer(pod: AnyPod, asked: string | null): string {
  const names = (list: readonly { readonly name: string }[] | undefined) => (list ?? []).map(({ name }) => name)
  const containers = names(pod.spec.containers)
  const init = names(pod.spec.initContainers)
  const ephemeral = names(pod.spec.ephemeralContainers)
  const { name } = pod.metadata
  if (asked) {
    if ([...containers, ...init, ...ephemeral].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  if (containers.length === 1 && init.length === 0 && ephemeral.length === 0) return containers[0]!
  const shown = (list: string[]) => `[${list.join(' ')}]`
  if (containers.length === 1) return containers[0]!
  if (containers.length === 0) throw badRequest(`a container name must be specified for pod ${name}`)
  let message = `a container name must be specified for pod ${name}, choose one of: ${shown(containers)}`
  if (init.length > 0) message += ` or one of the init containers: ${shown(init)}`
  if (ephemeral.length > 0) message += ` or one of the ephemeral containers: ${shown(ephemeral)}`
  throw badRequest(message)
}

/** @throws BadRequest while the pod has no node */
export function nodeOf(pod: AnyPod): string {
  const { nodeName } = pod.spec
  if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`)
  return nodeName
}

const LOG_FLAGS = ['follow', 'previous', 'timestamps']
const LOG_OPTIONS = ['tailLines', 'sinceSeconds', 'sinceTime', 'limitBytes', 'stream']

export function logPath(pod: AnyPod, query: URLSearchParams): string {
  const { namespace = '', name } = pod.metadata
  const container = chooseContainer(pod, query.get('container'))
  const options = new URLSearchParams()
  for (const flag of LOG_FLAGS) if (isTrue(query.get(flag))) options.set(flag, 'true')
  for (const option of LOG_OPTIONS) {
    const value = query.get(option)
    if (value !== null && value !== '') options.set(option, value)
  }
  const text = options.size > 0 ? `?${options}` : ''
  return `/containerLogs/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}${text}`
}

const STREAM_FLAGS = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const

export function connectPath(pod: AnyPod, subresource: string, query: URLSearchParams): string {
  const { namespace = '', name } = pod.metadata
  const target = `${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`
  const options = new URLSearchParams()
  if (subresource === 'portforward') {
    for (const ports of query.getAll('ports')) for (const port of ports.split(',')) options.append('port', port)
    return `/portForward/${target}${options.size > 0 ? `?${options}` : ''}`
  }
  for (const [flag, option] of Object.entries(STREAM_FLAGS)) {
    const unsaid = subresource === 'attach' && (flag === 'stdout' || flag === 'stderr')
    if (query.has(flag) ? isTrue(query.get(flag)) : unsaid) options.set(option, '1')
  }
  if (options.size === 0 || (options.size === 1 && options.has('tty'))) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
  }
  if (subresource === 'exec') {
    const command = query.getAll('command')
    if (command.length === 0) throw badRequest('you must specify at least one command for the container')
    for (const word of command) options.append('command', word)
  }
  const container = encodeURIComponent(chooseContainer(pod, query.get('container')))
  return `/${subresource}/${target}/${container}?${options}`
}
