// The rules of what containers mount: files of volumes, and volumes as raw devices.
// k8s: paths below a mount, its propagation and its recursion are reported without the mount's index.
import { forbiddenField, invalid, notFoundValue, notSupported, required } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { Container, VolumeMount } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'
import { checkLocalPath } from './paths.ts'
import type { Volumes } from './volumes.ts'

type AnyContainer = DeepReadonly<Container>

export function checkMounts(errors: Errors, field: string, container: AnyContainer, volumes: Volumes): void {
  const points = new Set<string>()
  const devices = new Map((container.volumeDevices ?? []).map(({ name, devicePath }) => [name, devicePath]))
  container.volumeMounts?.forEach((mount, i) => {
    const at = `${field}[${i}]`
    const { name = '', mountPath = '' } = mount
    if (!name) errors.push(required(`${at}.name`))
    if (!volumes.has(name)) errors.push(notFoundValue(`${at}.name`, name))
    if (!mountPath) errors.push(required(`${at}.mountPath`))
    if (points.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'))
    points.add(mountPath)
    if (devices.has(name)) errors.push(invalid(`${at}.name`, name, 'must not already exist in volumeDevices'))
    if ([...devices.values()].includes(mountPath)) {
      const why = 'must not already exist as a path in volumeDevices'
      errors.push(invalid(`${at}.mountPath`, mountPath, why))
    }
    for (const key of volumes.get(name)?.image ? (['subPath', 'subPathExpr'] as const) : []) {
      if (mount[key]) errors.push(invalid(`${at}.${key}`, mount[key], 'not allowed in image volume sources'))
    }
    if (mount.subPath) checkLocalPath(errors, `${field}.subPath`, mount.subPath)
    if (mount.subPathExpr) {
      if (mount.subPath) {
        const why = 'subPathExpr and subPath are mutually exclusive'
        errors.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, why))
      }
      checkLocalPath(errors, `${field}.subPathExpr`, mount.subPathExpr)
    }
    checkPropagation(errors, `${field}.mountPropagation`, mount, container)
    checkRecursion(errors, `${field}.recursiveReadOnly`, mount)
  })
}

function checkPropagation(
  errors: Errors,
  field: string,
  { mountPropagation: mode }: DeepReadonly<VolumeMount>,
  container: AnyContainer,
): void {
  if (mode === undefined) return
  const known = ['Bidirectional', 'HostToContainer', 'None']
  if (!known.includes(mode)) errors.push(notSupported(field, mode, known))
  if (mode === 'Bidirectional' && !container.securityContext?.privileged) {
    const why = 'Bidirectional mount propagation is available only to privileged containers'
    errors.push(forbiddenField(field, why))
  }
}

function checkRecursion(errors: Errors, field: string, mount: DeepReadonly<VolumeMount>): void {
  const mode = mount.recursiveReadOnly
  if (mode === undefined || mode === 'Disabled') return
  if (mode !== 'Enabled' && mode !== 'IfPossible') {
    return void errors.push(notSupported(field, mode, ['Disabled', 'Enabled', 'IfPossible']))
  }
  if (!mount.readOnly) errors.push(forbiddenField(field, 'may only be specified when readOnly is true'))
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    errors.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'))
  }
}

export function checkDevices(errors: Errors, field: string, container: AnyContainer, volumes: Volumes): void {
  const [paths, names] = [new Set<string>(), new Set<string>()]
  const mounts = new Map((container.volumeMounts ?? []).map(({ name, mountPath }) => [name, mountPath]))
  container.volumeDevices?.forEach((device, i) => {
    const at = `${field}[${i}]`
    const { name = '', devicePath = '' } = device
    const volume = volumes.get(name)
    const nameIs = (why: string) => errors.push(invalid(`${at}.name`, name, why))
    const pathIs = (why: string) => errors.push(invalid(`${at}.devicePath`, devicePath, why))
    if (!name) errors.push(required(`${at}.name`))
    if (names.has(name)) nameIs('must be unique')
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      nameIs('can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode')
    }
    if (!volume) errors.push(notFoundValue(`${at}.name`, name))
    if (!devicePath) errors.push(required(`${at}.devicePath`))
    if (paths.has(devicePath)) pathIs('must be unique')
    if (devicePath.split('/').includes('..')) pathIs("can not contain backsteps ('..')")
    else paths.add(devicePath)
    if (mounts.has(name)) nameIs('must not already exist in volumeMounts')
    if ([...mounts.values()].includes(devicePath)) pathIs('must not already exist as a path in volumeMounts')
    if (name) names.add(name)
  })
}
