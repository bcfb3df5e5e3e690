// The rules of security contexts, of pods and of containers, and of the namespaces shared with the host.
import { forbiddenField, invalid, required } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../../types/core.v1.ts'
import { checkOneOf, checkRange, checkUnique, type Errors } from '../check.ts'

const MAX_ID = 2147483647

export function checkPodSecurity(errors: Errors, field: string, spec: DeepReadonly<PodSpec>): void {
  const path = `${field}.securityContext`
  const security = spec.securityContext
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(
      invalid(`${field}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    )
  }
  if (spec.hostUsers === false) {
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
      if (spec[key]) errors.push(forbiddenField(`${field}.${key}`, 'when `hostUsers` is false'))
    }
  }
  if (!security) return
  checkRange(errors, `${path}.fsGroup`, security.fsGroup, 0, MAX_ID)
  checkRange(errors, `${path}.runAsUser`, security.runAsUser, 0, MAX_ID)
  checkRange(errors, `${path}.runAsGroup`, security.runAsGroup, 0, MAX_ID)
  security.supplementalGroups?.forEach((gid, i) => {
    checkRange(errors, `${path}.supplementalGroups[${i}]`, gid, 0, MAX_ID)
  })
  checkOneOf(errors, `${path}.supplementalGroupsPolicy`, security.supplementalGroupsPolicy, ['Merge', 'Strict'], true)
  checkOneOf(errors, `${path}.fsGroupChangePolicy`, security.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], true)
  security.sysctls?.forEach(({ name }, i) => {
    const at = `${path}.sysctls[${i}].name`
    if (!name) errors.push(required(at))
    else if (!SYSCTL.test(name) || name.length > 253) {
      errors.push(
        invalid(at, name, `must have at most 253 characters and match regex ${SYSCTL.source.replaceAll('\\/', '/')}`),
      )
    } else if (spec.hostNetwork && name.startsWith('net.')) {
      errors.push(invalid(at, name, 'may not be specified when `hostNetwork` is true'))
    } else if (
      spec.hostIPC &&
      (name.startsWith('kernel.shm') || name.startsWith('kernel.msg') || name === 'kernel.sem')
    ) {
      errors.push(invalid(at, name, 'may not be specified when `hostIPC` is true'))
    }
  })
  checkUnique(
    errors,
    security.sysctls,
    (s) => s.name,
    (i) => `${path}.sysctls[${i}].name`,
  )
  checkSeccomp(errors, `${path}.seccompProfile`, security.seccompProfile)
  checkAppArmor(errors, `${path}.appArmorProfile`, security.appArmorProfile)
}

const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/

export function checkContainerSecurity(
  errors: Errors,
  path: string,
  security: DeepReadonly<SecurityContext> | undefined,
): void {
  if (!security) return
  checkRange(errors, `${path}.runAsUser`, security.runAsUser, 0, MAX_ID)
  checkRange(errors, `${path}.runAsGroup`, security.runAsGroup, 0, MAX_ID)
  checkOneOf(errors, `${path}.procMount`, security.procMount, ['Default', 'Unmasked'], true)
  checkSeccomp(errors, `${path}.seccompProfile`, security.seccompProfile)
  checkAppArmor(errors, `${path}.appArmorProfile`, security.appArmorProfile)
  if (security.allowPrivilegeEscalation === false) {
    if (security.privileged) {
      errors.push(invalid(path, security, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'))
    }
    if (security.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      errors.push(
        invalid(path, security, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'),
      )
    }
  }
}

function checkSeccomp(errors: Errors, path: string, profile: DeepReadonly<SeccompProfile> | undefined): void {
  if (!profile) return
  if (!profile.type) return void errors.push(required(`${path}.type`, 'type is required when seccompProfile is set'))
  checkOneOf(errors, `${path}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'])
  checkLocalhostProfile(errors, path, profile, 'seccomp')
}

function checkAppArmor(errors: Errors, path: string, profile: DeepReadonly<AppArmorProfile> | undefined): void {
  if (!profile) return
  checkOneOf(errors, `${path}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'])
  checkLocalhostProfile(errors, path, profile, 'AppArmor')
}

function checkLocalhostProfile(
  errors: Errors,
  path: string,
  profile: DeepReadonly<{ type: string; localhostProfile?: string }>,
  what: string,
): void {
  const at = `${path}.localhostProfile`
  if (profile.type === 'Localhost') {
    if (!profile.localhostProfile) {
      errors.push(required(at, `must be set when ${what} type is Localhost`))
    } else if (profile.localhostProfile.startsWith('/')) {
      errors.push(invalid(at, profile.localhostProfile, 'must be a relative path'))
    } else if (profile.localhostProfile.split('/').includes('..')) {
      errors.push(invalid(at, profile.localhostProfile, "must not contain '..'"))
    }
  } else if (profile.localhostProfile !== undefined) {
    errors.push(invalid(at, profile.localhostProfile, `can only be set when ${what} type is Localhost`))
  }
}
