// The rules of containers: names, images, ports, mounts, handlers, restart policies; of init containers and ephemeral ones too.
import { duplicate, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts'
import { portName, portNumber } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { isSidecar } from '../../meta/pods.ts'
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from '../../types/core.v1.ts'
import { checkIp, checkLabel, checkOneOf, type Errors } from '../check.ts'
import { checkEnv } from './env.ts'
import { checkHandler, checkProbe } from './probes.ts'
import { checkResources } from './resources.ts'
import { checkContainerSecurity } from './security.ts'
import type { VolumeNames } from './volumes.ts'

type Spec = DeepReadonly<PodSpec>
type AnyContainer = DeepReadonly<Container>

export function checkContainers(errors: Errors, field: string, spec: Spec, volumes: VolumeNames): void {
  const names = new Set<string>()
  const graceSeconds = spec.terminationGracePeriodSeconds ?? 30
  const { containers = [], initContainers = [] } = spec
  if (containers.length === 0) errors.push(required(`${field}.containers`))
  containers.forEach((container, i) => {
    const path = `${field}.containers[${i}]`
    checkCommon(errors, path, container, spec, volumes, names)
    checkLifecycle(errors, path, container, graceSeconds)
    checkRestartPolicy(errors, path, container, false)
  })
  checkHostPorts(errors, `${field}.containers`, containers)
  initContainers.forEach((container, i) => {
    const path = `${field}.initContainers[${i}]`
    checkCommon(errors, path, container, spec, volumes, names)
    checkRestartPolicy(errors, path, container, true)
    if (isSidecar(container)) {
      checkLifecycle(errors, path, container, graceSeconds)
      return
    }
    for (const part of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[part]) {
        errors.push(
          forbiddenField(`${path}.${part}`, 'may not be set for init containers without restartPolicy=Always'),
        )
      }
    }
    checkHostPorts(errors, `${field}.initContainers`, [container])
  })
}

function checkCommon(
  errors: Errors,
  path: string,
  container: AnyContainer,
  spec: Spec,
  volumes: VolumeNames,
  names: Set<string>,
): void {
  checkLabel(errors, `${path}.name`, container.name)
  if (container.name && names.has(container.name)) errors.push(duplicate(`${path}.name`, container.name))
  names.add(container.name)
  if (!container.image) errors.push(required(`${path}.image`))
  else if (container.image.trim() !== container.image) {
    errors.push(invalid(`${path}.image`, container.image, 'must not have leading or trailing whitespace'))
  }
  checkOneOf(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    'File',
    'FallbackToLogsOnError',
  ])
  checkPorts(errors, `${path}.ports`, container.ports, spec.hostNetwork === true)
  checkEnv(errors, path, container)
  checkMounts(errors, path, container, volumes)
  checkOneOf(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'])
  if (container.resources) checkResources(errors, `${path}.resources`, container.resources, false)
  checkContainerSecurity(errors, `${path}.securityContext`, container.securityContext)
  container.resizePolicy?.forEach((policy, i) => {
    const at = `${path}.resizePolicy[${i}]`
    checkOneOf(errors, `${at}.resourceName`, policy.resourceName, ['cpu', 'memory'])
    checkOneOf(errors, `${at}.restartPolicy`, policy.restartPolicy, ['NotRequired', 'RestartContainer'])
  })
}

function checkRestartPolicy(errors: Errors, path: string, container: AnyContainer, init: boolean): void {
  const policy = container.restartPolicy
  if (policy !== undefined) checkOneOf(errors, `${path}.restartPolicy`, policy, ['Always', 'Never', 'OnFailure'])
  const rules = container.restartPolicyRules ?? []
  if (rules.length > 0 && !policy) {
    errors.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'))
  }
  if (rules.length > 0 && init && policy === 'Always') {
    errors.push(forbiddenField(`${path}.restartPolicyRules`, 'may not be set for sidecar containers'))
  }
  rules.forEach((rule, i) => {
    const at = `${path}.restartPolicyRules[${i}]`
    checkOneOf(errors, `${at}.action`, rule.action, ['Restart', 'RestartAllContainers'])
    if (!rule.exitCodes) errors.push(required(`${at}.exitCodes`, 'must be specified'))
    else checkOneOf(errors, `${at}.exitCodes.operator`, rule.exitCodes.operator, ['In', 'NotIn'])
  })
}

function checkLifecycle(errors: Errors, path: string, container: AnyContainer, graceSeconds: number): void {
  const { lifecycle } = container
  if (lifecycle?.postStart) checkHandler(errors, `${path}.lifecycle.postStart`, lifecycle.postStart, graceSeconds)
  if (lifecycle?.preStop) checkHandler(errors, `${path}.lifecycle.preStop`, lifecycle.preStop, graceSeconds)
  checkProbe(errors, `${path}.livenessProbe`, container.livenessProbe, 'liveness')
  checkProbe(errors, `${path}.readinessProbe`, container.readinessProbe, 'readiness')
  checkProbe(errors, `${path}.startupProbe`, container.startupProbe, 'startup')
}

function checkPorts(
  errors: Errors,
  field: string,
  ports: readonly DeepReadonly<ContainerPort>[] | undefined,
  hostNetwork: boolean,
): void {
  const names = new Set<string>()
  ports?.forEach((port, i) => {
    const path = `${field}[${i}]`
    if (port.name) {
      const problems = portName(port.name)
      for (const problem of problems) errors.push(invalid(`${path}.name`, port.name, problem))
      if (problems.length === 0 && names.has(port.name)) errors.push(duplicate(`${path}.name`, port.name))
      names.add(port.name)
    }
    if (!port.containerPort) errors.push(required(`${path}.containerPort`))
    else {
      for (const problem of portNumber(port.containerPort)) {
        errors.push(invalid(`${path}.containerPort`, port.containerPort, problem))
      }
    }
    if (port.hostPort) {
      for (const problem of portNumber(port.hostPort)) errors.push(invalid(`${path}.hostPort`, port.hostPort, problem))
      if (hostNetwork && port.hostPort !== port.containerPort) {
        errors.push(
          invalid(`${path}.containerPort`, port.containerPort, 'must match `hostPort` when `hostNetwork` is true'),
        )
      }
    }
    if (port.hostIP) checkIp(errors, `${path}.hostIP`, port.hostIP)
    checkOneOf(errors, `${path}.protocol`, port.protocol, ['TCP', 'UDP', 'SCTP'])
  })
}

/** Two containers of a pod cannot both have the same port of the host. */
function checkHostPorts(errors: Errors, field: string, containers: readonly AnyContainer[]): void {
  const taken = new Set<string>()
  containers.forEach((container, c) => {
    container.ports?.forEach(({ hostPort, protocol, hostIP = '' }, i) => {
      if (!hostPort) return
      const key = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(key)) errors.push(duplicate(`${field}[${c}].ports[${i}].hostPort`, key))
      taken.add(key)
    })
  })
}

function checkMounts(errors: Errors, path: string, container: AnyContainer, volumes: VolumeNames): void {
  const points = new Set<string>()
  container.volumeMounts?.forEach((mount, i) => {
    const at = `${path}.volumeMounts[${i}]`
    if (!mount.name) errors.push(required(`${at}.name`))
    volumes.checkMount(errors, `${at}.name`, mount.name)
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`))
    else if (points.has(mount.mountPath)) errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'))
    points.add(mount.mountPath)
    if (mount.subPath && mount.subPathExpr) {
      errors.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr is mutually exclusive with subPath'))
    }
    for (const key of ['subPath', 'subPathExpr'] as const) checkLocalPath(errors, `${at}.${key}`, mount[key])
    if (mount.mountPropagation !== undefined) {
      checkOneOf(errors, `${at}.mountPropagation`, mount.mountPropagation, ['Bidirectional', 'HostToContainer', 'None'])
      if (mount.mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
        errors.push(
          forbiddenField(
            `${at}.mountPropagation`,
            'Bidirectional mount propagation is available only to privileged containers',
          ),
        )
      }
    }
    if (mount.recursiveReadOnly && mount.recursiveReadOnly !== 'Disabled') {
      checkOneOf(errors, `${at}.recursiveReadOnly`, mount.recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible'])
      if (!mount.readOnly) {
        errors.push(forbiddenField(`${at}.recursiveReadOnly`, 'may only be specified when readOnly is true'))
      }
    }
  })
  container.volumeDevices?.forEach((device, i) => {
    const at = `${path}.volumeDevices[${i}]`
    if (!device.name) errors.push(required(`${at}.name`))
    volumes.checkMount(errors, `${at}.name`, device.name)
    if (!device.devicePath) errors.push(required(`${at}.devicePath`))
    else if (points.has(device.devicePath)) {
      errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must not already exist in volumeMounts'))
    }
  })
}

/** A path inside a volume. */
export function checkLocalPath(errors: Errors, field: string, path: string | undefined): void {
  if (!path) return
  if (path.startsWith('/')) errors.push(invalid(field, path, 'must be a relative path'))
  if (path.split('/').includes('..')) errors.push(invalid(field, path, "must not contain '..'"))
}

const NOT_FOR_EPHEMERAL = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe', 'ports'] as const

export function checkEphemeralContainers(errors: Errors, field: string, spec: Spec, volumes: VolumeNames): void {
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name))
  const targets = new Set((spec.containers ?? []).map((c) => c.name))
  const names = new Set(others)
  spec.ephemeralContainers?.forEach((container: DeepReadonly<EphemeralContainer>, i) => {
    const path = `${field}.ephemeralContainers[${i}]`
    checkCommon(errors, path, container, spec, volumes, names)
    if (container.targetContainerName && !targets.has(container.targetContainerName)) {
      errors.push({
        type: 'FieldValueNotFound',
        field: `${path}.targetContainerName`,
        message: `Not found: ${JSON.stringify(container.targetContainerName)}`,
      })
    }
    for (const part of NOT_FOR_EPHEMERAL) {
      if (container[part] !== undefined) {
        errors.push(forbiddenField(`${path}.${part}`, 'cannot be set for an Ephemeral Container'))
      }
    }
    if (Object.keys(container.resources ?? {}).length > 0) {
      errors.push(forbiddenField(`${path}.resources`, 'cannot be set for an Ephemeral Container'))
    }
    if (container.restartPolicy) {
      errors.push(notSupported(`${path}.restartPolicy`, container.restartPolicy, []))
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
