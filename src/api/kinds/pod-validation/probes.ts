// The rules of probes and lifecycle handlers.
import { forbiddenField, invalid, required } from '../../meta/errors.ts'
import { httpHeaderName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { HTTPGetAction, LifecycleHandler, Probe } from '../../types/core.v1.ts'
import { checkNonNegative, checkOneOf, checkPort, checkPositive, type Errors } from '../check.ts'

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
  if (role !== 'readiness' && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold, 'must be 1'))
  }
  if (probe.terminationGracePeriodSeconds !== undefined) {
    const field = `${path}.terminationGracePeriodSeconds`
    if (role === 'readiness') {
      errors.push(invalid(field, probe.terminationGracePeriodSeconds, 'must not be set for readinessProbes'))
    } else {
      checkPositive(errors, field, probe.terminationGracePeriodSeconds)
    }
  }
}

/** Exactly one kind of action. `graceSeconds` is given where sleeping is one of them. */
export function checkHandler(errors: Errors, path: string, handler: Handler, graceSeconds: number | undefined): void {
  const given = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter((key) => handler[key])
  if (given.length === 0) errors.push(required(path, 'must specify a handler type'))
  for (const key of given.slice(1)) {
    errors.push(forbiddenField(`${path}.${key}`, 'may not specify more than 1 handler type'))
  }
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
        errors.push(
          invalid(
            `${path}.sleep`,
            seconds,
            `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`,
          ),
        )
      }
    }
  }
}

function checkHttpGet(errors: Errors, path: string, action: DeepReadonly<HTTPGetAction>): void {
  if (!action.path) errors.push(required(`${path}.path`))
  checkPort(errors, `${path}.port`, action.port)
  checkOneOf(errors, `${path}.scheme`, action.scheme, ['HTTP', 'HTTPS'])
  for (const header of action.httpHeaders ?? []) {
    for (const problem of httpHeaderName(header.name ?? '')) {
      errors.push(invalid(`${path}.httpHeaders`, header.name, problem))
    }
  }
}
