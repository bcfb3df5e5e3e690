// The rules of probes and lifecycle handlers.
import { forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts'
import { httpHeaderName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { HTTPGetAction, LifecycleHandler, Probe } from '../../types/core.v1.ts'
import { checkNonNegative, checkPort, type Errors } from '../check.ts'

type Role = 'liveness' | 'readiness' | 'startup'
type Handler = DeepReadonly<LifecycleHandler & { grpc?: Probe['grpc'] }>

export function checkProbe(errors: Errors, path: string, probe: DeepReadonly<Probe> | undefined, role: Role): void {
  if (!probe) return
  checkHandler(errors, path, probe, undefined)
  for (const key of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    checkNonNegative(errors, `${path}.${key}`, probe[key])
  }
  const graceField = `${path}.terminationGracePeriodSeconds`
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0) errors.push(invalid(graceField, grace, 'must be greater than 0'))
  if (role === 'readiness') {
    if (grace !== undefined) errors.push(invalid(graceField, grace, 'must not be set for readinessProbes'))
  } else if (probe.successThreshold !== 1) {
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'))
  }
}

/** Exactly one kind of action. `graceSeconds` is given where sleeping is one of them. */
export function checkHandler(errors: Errors, path: string, handler: Handler, graceSeconds: number | undefined): void {
  const given = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter((key) => handler[key])
  switch (given[0]) {
    case 'exec':
      if (!handler.exec!.command?.length) errors.push(required(`${path}.exec.command`))
      break
    case 'httpGet':
      checkHttpGet(errors, `${path}.httpGet`, handler.httpGet!)
      break
    case 'tcpSocket':
      checkPort(errors, `${path}.tcpSocket.port`, handler.tcpSocket!.port)
      break
    case 'grpc':
      checkPort(errors, `${path}.grpc.port`, handler.grpc!.port)
      break
    case 'sleep': {
      const seconds = handler.sleep!.seconds ?? 0
      if (graceSeconds !== undefined && (seconds < 0 || seconds > graceSeconds)) {
        const why = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`
        errors.push(invalid(`${path}.sleep`, seconds, why))
      }
    }
  }
  for (const key of given.slice(1)) {
    errors.push(forbiddenField(`${path}.${key}`, 'may not specify more than 1 handler type'))
  }
  if (given.length === 0) errors.push(required(path, 'must specify a handler type'))
}

function checkHttpGet(errors: Errors, path: string, action: DeepReadonly<HTTPGetAction>): void {
  if (!action.path) errors.push(required(`${path}.path`))
  checkPort(errors, `${path}.port`, action.port)
  const scheme = action.scheme ?? ''
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') errors.push(notSupported(`${path}.scheme`, scheme, ['HTTP', 'HTTPS']))
  for (const header of action.httpHeaders ?? []) {
    for (const problem of httpHeaderName(header.name ?? '')) {
      errors.push(invalid(`${path}.httpHeaders`, header.name ?? '', problem))
    }
  }
}
