// The rules of containers: what all have in common, then those of containers proper, of init containers and of ephemeral ones.
// k8s: an entry is looked at as a whole before it is compared with the others.
import { duplicate, forbiddenField, invalid, notFoundValue, notSupported, required } from '../../meta/errors.ts'
import { portName, portNumber } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { isSidecar } from '../../meta/pods.ts'
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from '../../types/core.v1.ts'
import { checkLabel, checkListed, checkOneOf, type Errors } from '../check.ts'
import { checkEnv } from './env.ts'
import { checkDevices, checkMounts } from './mounts.ts'
import { checkHandler, checkProbe } from './probes.ts'
import { checkPullPolicy } from './pull-policy.ts'
import { checkResources } from './resources.ts'
import { checkRestartPolicy } from './restart-policy.ts'
import { checkContainerSecurity } from './security.ts'
import type { Volumes } from './volumes.ts'

type Spec = DeepReadonly<PodSpec>
type AnyContainer = DeepReadonly<Container>

/** What the containers of one pod are checked against. */
export interface Around {
  readonly spec: Spec
  readonly volumes: Volumes
  readonly claimNames: ReadonlySet<string>
}

export function checkContainers(errors: Errors, field: string, around: Around): void {
  const { spec } = around
  const containers = spec.containers ?? []
  if (containers.length === 0) return void errors.push(required(field))
  const names = new Set<string>()
  containers.forEach((container, i) => {
    const path = `${field}[${i}]`
    checkCommon(errors, path, container, around)
    if (names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name))
    names.add(container.name)
    checkLifecycle(errors, path, container, spec.terminationGracePeriodSeconds)
    checkRestartPolicy(errors, path, container)
  })
  checkHostPorts(errors, field, containers, 0)
}

export function checkInitContainers(errors: Errors, field: string, around: Around): void {
  const { spec } = around
  const names = new Set((spec.containers ?? []).map(({ name }) => name))
  spec.initContainers?.forEach((container, i) => {
    const path = `${field}[${i}]`
    checkCommon(errors, path, container, around)
    checkRestartPolicy(errors, path, container)
    if (names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name))
    else if (container.name) names.add(container.name)
    // k8s: each runs by itself, and is reported as if it were the first.
    checkHostPorts(errors, field, [container], 0)
    if (isSidecar(container)) {
      checkLifecycle(errors, path, container, spec.terminationGracePeriodSeconds)
      return
    }
    for (const part of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[part]) {
        const why = 'may not be set for init containers without restartPolicy=Always'
        errors.push(forbiddenField(`${path}.${part}`, why))
      }
    }
  })
}

function checkCommon(errors: Errors, path: string, container: AnyContainer, around: Around): void {
  checkLabel(errors, `${path}.name`, container.name)
  if (!container.image) errors.push(required(`${path}.image`))
  checkListed(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    'File',
    'FallbackToLogsOnError',
  ])
  checkPorts(errors, `${path}.ports`, container.ports)
  checkEnv(errors, path, container, around.volumes)
  checkMounts(errors, `${path}.volumeMounts`, container, around.volumes)
  checkDevices(errors, `${path}.volumeDevices`, container, around.volumes)
  checkPullPolicy(errors, `${path}.imagePullPolicy`, container.imagePullPolicy)
  checkResources(errors, `${path}.resources`, container.resources, around.claimNames)
  checkResizePolicy(errors, `${path}.resizePolicy`, container, around.spec.restartPolicy)
  checkContainerSecurity(errors, `${path}.securityContext`, container.securityContext, around.spec.hostUsers !== false)
}

function checkResizePolicy(
  errors: Errors,
  field: string,
  { resizePolicy }: AnyContainer,
  podRestartPolicy: string | undefined,
): void {
  const seen = new Set<string>()
  resizePolicy?.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName)) errors.push(duplicate(`${field}[${i}]`, resourceName))
    seen.add(resourceName)
    checkOneOf(errors, field, resourceName, ['cpu', 'memory'])
    checkOneOf(errors, field, restartPolicy, ['NotRequired', 'RestartContainer'])
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      const why = "must be 'NotRequired' when `restartPolicy` is 'Never'"
      errors.push(invalid(field, restartPolicy ?? '', why))
    }
  })
}

function checkLifecycle(errors: Errors, path: string, container: AnyContainer, graceSeconds: number | undefined): void {
  const { lifecycle } = container
  if (lifecycle?.postStart) checkHandler(errors, `${path}.lifecycle.postStart`, lifecycle.postStart, graceSeconds)
  if (lifecycle?.preStop) checkHandler(errors, `${path}.lifecycle.preStop`, lifecycle.preStop, graceSeconds)
  checkProbe(errors, `${path}.livenessProbe`, container.livenessProbe, 'liveness')
  checkProbe(errors, `${path}.readinessProbe`, container.readinessProbe, 'readiness')
  checkProbe(errors, `${path}.startupProbe`, container.startupProbe, 'startup')
}

function checkPorts(errors: Errors, field: string, ports: readonly DeepReadonly<ContainerPort>[] | undefined): void {
  const names = new Set<string>()
  ports?.forEach((port, i) => {
    const path = `${field}[${i}]`
    if (port.name) {
      const problems = portName(port.name)
      for (const problem of problems) errors.push(invalid(`${path}.name`, port.name, problem))
      if (problems.length === 0 && names.has(port.name)) errors.push(duplicate(`${path}.name`, port.name))
      else if (problems.length === 0) names.add(port.name)
    }
    if (!port.containerPort) errors.push(required(`${path}.containerPort`))
    else {
      for (const problem of portNumber(port.containerPort)) {
        errors.push(invalid(`${path}.containerPort`, port.containerPort, problem))
      }
    }
    if (port.hostPort) {
      for (const problem of portNumber(port.hostPort)) errors.push(invalid(`${path}.hostPort`, port.hostPort, problem))
    }
    checkOneOf(errors, `${path}.protocol`, port.protocol, ['TCP', 'UDP', 'SCTP'])
  })
}

/** Two containers that run at once cannot both have the same port of the host. */
function checkHostPorts(errors: Errors, field: string, containers: readonly AnyContainer[], first: number): void {
  const taken = new Set<string>()
  containers.forEach((container, c) => {
    container.ports?.forEach(({ hostPort, protocol, hostIP = '' }, i) => {
      if (!hostPort) return
      const key = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(key)) errors.push(duplicate(`${field}[${first + c}].ports[${i}].hostPort`, key))
      taken.add(key)
    })
  })
}

/** In k8s' order of the fields of the type. */
const NOT_FOR_EPHEMERAL = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const

export function checkEphemeralContainers(errors: Errors, field: string, around: Around): void {
  const { spec } = around
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name))
  const names = new Set(others)
  spec.ephemeralContainers?.forEach((container: DeepReadonly<EphemeralContainer>, i) => {
    const path = `${field}[${i}]`
    checkCommon(errors, path, container, around)
    checkImageSpaces(errors, path, container)
    if (names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name))
    names.add(container.name)
    const target = container.targetContainerName
    if (target && !others.has(target)) errors.push(notFoundValue(`${path}.targetContainerName`, target))
    for (const part of NOT_FOR_EPHEMERAL) {
      const value = container[part]
      const empty = value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)
      if (!empty) errors.push(forbiddenField(`${path}.${part}`, 'cannot be set for an Ephemeral Container'))
    }
    container.volumeMounts?.forEach((mount, m) => {
      for (const key of ['subPath', 'subPathExpr'] as const) {
        if (mount[key]) {
          errors.push(forbiddenField(`${path}.volumeMounts[${m}].${key}`, 'cannot be set for an Ephemeral Container'))
        }
      }
    })
  })
}

/** k8s: only of pods; templates may have images that are still to be filled in. */
export function checkImageSpaces(errors: Errors, path: string, { image = '' }: { readonly image?: string }): void {
  if (image.trim() !== image) {
    errors.push(invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'))
  }
}

/** On the node's own network a container's port is the node's. @param isPod in templates an absent host port is filled in later */
export function checkHostNetworkPorts(errors: Errors, field: string, spec: Spec, isPod: boolean): void {
  if (!spec.hostNetwork) return
  spec.containers?.forEach((container, c) => {
    container.ports?.forEach((port, i) => {
      const hostPort = port.hostPort ?? 0
      if ((isPod || hostPort !== 0) && hostPort !== (port.containerPort ?? 0)) {
        const why = 'must match `containerPort` when `hostNetwork` is true'
        errors.push(invalid(`${field}.containers[${c}].ports[${i}].hostPort`, hostPort, why))
      }
    })
  })
}

export function checkPodRestartPolicy(errors: Errors, field: string, policy: string | undefined): void {
  const known = ['Always', 'OnFailure', 'Never']
  if (!policy) errors.push(required(field))
  else if (!known.includes(policy)) errors.push(notSupported(field, policy, known))
}
