// The rules of security contexts, of pods and of containers, and of the namespaces shared with the host.
import { duplicate, forbiddenField, invalid, notSupported, required, tooLong } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../../types/core.v1.ts'
import { checkRange, type Errors } from '../check.ts'
import { internalShape, PROFILE_FIELDS, SECURITY_CONTEXT_FIELDS } from '../internal-shape.ts'
import { checkWindowsOptions } from './os.ts'
import { checkLocalPath } from './paths.ts'

type Spec = DeepReadonly<PodSpec>

const MAX_ID = 2147483647

export function checkPodSecurity(errors: Errors, field: string, spec: Spec): void {
  const path = `${field}.securityContext`
  const security = spec.securityContext
  checkRange(errors, `${path}.fsGroup`, security?.fsGroup, 0, MAX_ID)
  checkRange(errors, `${path}.runAsUser`, security?.runAsUser, 0, MAX_ID)
  checkRange(errors, `${path}.runAsGroup`, security?.runAsGroup, 0, MAX_ID)
  security?.supplementalGroups?.forEach((gid, i) => {
    checkRange(errors, `${path}.supplementalGroups[${i}]`, gid, 0, MAX_ID)
  })
  if (spec.shareProcessNamespace && spec.hostPID) {
    // k8s: reported below the security context, where the server itself keeps it.
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled'
    errors.push(invalid(`${path}.shareProcessNamespace`, true, why))
  }
  if (!security) return
  checkSysctls(errors, `${path}.sysctls`, spec)
  checkKnown(errors, `${path}.fsGroupChangePolicy`, security.fsGroupChangePolicy, ['Always', 'OnRootMismatch'])
  checkSeccomp(errors, `${path}.seccompProfile`, security.seccompProfile)
  checkWindowsOptions(errors, `${path}.windowsOptions`, security.windowsOptions)
  checkAppArmor(errors, `${path}.appArmorProfile`, security.appArmorProfile)
  checkKnown(errors, `${path}.supplementalGroupsPolicy`, security.supplementalGroupsPolicy, ['Merge', 'Strict'])
  // k8s: mounting with a label waits for a feature that is off.
  checkKnown(errors, `${path}.seLinuxChangePolicy`, security.seLinuxChangePolicy, ['MountOption', 'Recursive'])
}

function checkKnown(errors: Errors, field: string, value: string | undefined, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value)) errors.push(notSupported(field, value, known))
}

/** Users of a namespace of their own keep away from the host's other namespaces. */
export function checkHostUsers(errors: Errors, field: string, spec: Spec): void {
  if (spec.hostUsers !== false) return
  const why = 'when `hostUsers` is false'
  if (spec.hostNetwork) errors.push(forbiddenField(`${field}.hostNetwork`, why))
  if (spec.hostPID) errors.push(forbiddenField(`${field}.hostPID`, why))
  if (spec.hostIPC) errors.push(forbiddenField(`${field}.hostIPC`, why))
}

const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/
const SYSCTL_SHOWN = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'
const MAX_SYSCTL = 253

function checkSysctls(errors: Errors, path: string, spec: Spec): void {
  const names = new Set<string>()
  spec.securityContext?.sysctls?.forEach(({ name = '' }, i) => {
    const at = `${path}[${i}].name`
    if (!name) errors.push(required(at))
    else if (name.length > MAX_SYSCTL || !SYSCTL.test(name)) {
      const why = `must have at most ${MAX_SYSCTL} characters and match regex ${SYSCTL_SHOWN}`
      errors.push(invalid(at, name, why))
    } else if (names.has(name)) errors.push(duplicate(at, name))
    const dotted = name.replaceAll('/', '.')
    if (spec.hostNetwork && dotted.startsWith('net.')) {
      errors.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"))
    } else if (spec.hostIPC && isIpc(dotted)) {
      errors.push(invalid(at, name, "may not be specified when 'hostIPC' is true"))
    }
    names.add(name)
  })
}

const isIpc = (name: string) => /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(name) || name === 'kernel.sem'

export function checkContainerSecurity(
  errors: Errors,
  path: string,
  security: DeepReadonly<SecurityContext> | undefined,
  hostUsers: boolean,
): void {
  if (!security) return
  checkRange(errors, `${path}.runAsUser`, security.runAsUser, 0, MAX_ID)
  checkRange(errors, `${path}.runAsGroup`, security.runAsGroup, 0, MAX_ID)
  checkKnown(errors, `${path}.procMount`, security.procMount, ['Default', 'Unmasked'])
  if (hostUsers && security.procMount === 'Unmasked') {
    errors.push(invalid(`${path}.procMount`, security.procMount, '`hostUsers` must be false to use `Unmasked`'))
  }
  checkSeccomp(errors, `${path}.seccompProfile`, security.seccompProfile)
  if (security.allowPrivilegeEscalation === false) {
    const cannot = (what: string) =>
      errors.push(
        invalid(
          path,
          internalShape(security, SECURITY_CONTEXT_FIELDS),
          `cannot set \`allowPrivilegeEscalation\` to false and ${what}`,
        ),
      )
    if (security.privileged) cannot('`privileged` to true')
    for (const capability of security.capabilities?.add ?? []) {
      if (capability === 'CAP_SYS_ADMIN') cannot('`capabilities.Add` CAP_SYS_ADMIN')
    }
  }
  checkWindowsOptions(errors, `${path}.windowsOptions`, security.windowsOptions)
  checkAppArmor(errors, `${path}.appArmorProfile`, security.appArmorProfile)
}

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined']

function checkSeccomp(errors: Errors, path: string, profile: DeepReadonly<SeccompProfile> | undefined): void {
  if (!profile) return
  const at = `${path}.localhostProfile`
  if (!profile.type) errors.push(required(`${path}.type`, 'type is required when seccompProfile is set'))
  else checkKnown(errors, `${path}.type`, profile.type, PROFILES)
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined) {
      errors.push(required(at, 'must be set when seccomp type is Localhost'))
    } else checkLocalPath(errors, at, profile.localhostProfile)
  } else if (profile.localhostProfile !== undefined) {
    const shown = internalShape(profile, PROFILE_FIELDS)
    errors.push(invalid(at, shown, 'can only be set when seccomp type is Localhost'))
  }
}

const MAX_PROFILE_PATH = 4095

function checkAppArmor(errors: Errors, path: string, profile: DeepReadonly<AppArmorProfile> | undefined): void {
  if (!profile) return
  const at = `${path}.localhostProfile`
  const { localhostProfile: local } = profile
  if (profile.type === 'Localhost') {
    const missing = () => errors.push(required(at, 'must be set when AppArmor type is Localhost'))
    if (local === undefined) return void missing()
    if (local.trim() !== local) errors.push(invalid(at, local, 'must not be padded with whitespace'))
    else if (local === '') missing()
    if (Buffer.byteLength(local) > MAX_PROFILE_PATH) errors.push(tooLong(at, MAX_PROFILE_PATH))
  } else if (profile.type === 'RuntimeDefault' || profile.type === 'Unconfined') {
    if (local !== undefined) errors.push(invalid(at, local, 'can only be set when AppArmor type is Localhost'))
  } else if (!profile.type) errors.push(required(`${path}.type`, 'type is required when appArmorProfile is set'))
  else checkKnown(errors, `${path}.type`, profile.type, PROFILES)
}
