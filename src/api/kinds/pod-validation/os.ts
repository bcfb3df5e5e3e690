// The rules of pods that say which operating system they need, and of Windows' own options.
import { forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts'
import { dnsSubdomain } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { PodSpec, WindowsSecurityContextOptions } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'
import { containersOf } from './annotations.ts'

type Spec = DeepReadonly<PodSpec>

const NOT_WINDOWS = 'cannot be set for a windows pod'
/** k8s: in this order; what has no dot stands in the spec itself. */
const POD_FIELDS = [
  'securityContext.appArmorProfile',
  'securityContext.seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'securityContext.seccompProfile',
  'securityContext.fsGroup',
  'securityContext.fsGroupChangePolicy',
  'securityContext.sysctls',
  'shareProcessNamespace',
  'securityContext.runAsUser',
  'securityContext.runAsGroup',
  'securityContext.supplementalGroups',
  'securityContext.supplementalGroupsPolicy',
  'securityContext.seLinuxChangePolicy',
] as const
const CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const

export function checkOs(errors: Errors, field: string, spec: Spec): void {
  if (!spec.os) return
  const { name } = spec.os
  if (!name) errors.push(required(`${field}.os.name`, 'cannot be empty'))
  else if (name === 'linux') checkLinux(errors, field, spec)
  else if (name === 'windows') checkWindows(errors, field, spec)
  else errors.push(notSupported(`${field}.os`, name, ['linux', 'windows']))
}

function checkLinux(errors: Errors, field: string, spec: Spec): void {
  const why = 'windows options cannot be set for a linux pod'
  if (spec.securityContext?.windowsOptions) {
    errors.push(forbiddenField(`${field}.securityContext.windowsOptions`, why))
  }
  for (const [{ securityContext }, path] of containersOf(spec, field)) {
    if (securityContext?.windowsOptions) errors.push(forbiddenField(`${path}.securityContext.windowsOptions`, why))
  }
}

function checkWindows(errors: Errors, field: string, spec: Spec): void {
  for (const path of POD_FIELDS) {
    const key = path.slice(path.lastIndexOf('.') + 1)
    const owner = (path.includes('.') ? spec.securityContext : spec) as Readonly<Record<string, unknown>> | undefined
    const value = owner?.[key]
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined
    // k8s: namespaces of the host count only when they are asked for.
    if (isSet && !((key === 'hostPID' || key === 'hostIPC') && value === false)) {
      errors.push(forbiddenField(`${field}.${path}`, NOT_WINDOWS))
    }
  }
  for (const [{ securityContext }, path] of containersOf(spec, field)) {
    for (const key of CONTAINER_FIELDS) {
      if (securityContext?.[key] !== undefined) {
        errors.push(forbiddenField(`${path}.securityContext.${key}`, NOT_WINDOWS))
      }
    }
  }
}

const MAX_CREDENTIAL_KIB = 64
const MAX_DOMAIN = 256
const MAX_USER = 104
const NET_BIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/
const DNS_PART = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const DNS_NAME = new RegExp(`^${DNS_PART}(?:\\.${DNS_PART})*$`)

export function checkWindowsOptions(
  errors: Errors,
  path: string,
  options: DeepReadonly<WindowsSecurityContextOptions> | undefined,
): void {
  if (!options) return
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options
  for (const problem of name === undefined ? [] : dnsSubdomain(name)) {
    errors.push(invalid(`${path}.gmsaCredentialSpecName`, name, problem))
  }
  if (spec === '') {
    errors.push(invalid(`${path}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string'))
  } else if (spec !== undefined && Buffer.byteLength(spec) > MAX_CREDENTIAL_KIB * 1024) {
    const why = `gmsaCredentialSpec size must be under ${MAX_CREDENTIAL_KIB} KiB`
    errors.push(invalid(`${path}.gmsaCredentialSpec`, spec, why))
  }
  for (const why of user === undefined ? [] : userNameProblems(user)) {
    errors.push(invalid(`${path}.runAsUserName`, user, why))
  }
}

function userNameProblems(text: string): string[] {
  if (text === '') return ['runAsUserName cannot be an empty string']
  if (/\p{Cc}/u.test(text)) return ['runAsUserName cannot contain control characters']
  const parts = text.split('\\')
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash']
  const [domain, user = ''] = parts.length === 2 ? parts : [undefined, parts[0]]
  const problems: string[] = []
  if ((domain?.length ?? 0) >= MAX_DOMAIN) {
    problems.push(`runAsUserName's Domain length must be under ${MAX_DOMAIN} characters`)
  }
  if (domain !== undefined && !NET_BIOS.test(domain) && !DNS_NAME.test(domain)) {
    problems.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
  }
  if (user === '') problems.push("runAsUserName's User cannot be empty")
  else if (user.length > MAX_USER) {
    problems.push(`runAsUserName's User length must not be longer than ${MAX_USER} characters`)
  }
  if (/^[. ]+$/.test(user)) problems.push("runAsUserName's User cannot contain only periods or spaces")
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    problems.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]')
  }
  return problems
}

/** Containers that run as processes of the (Windows) host: all of a pod's or none. */
export function checkHostProcess(errors: Errors, field: string, spec: Spec): void {
  const pod = spec.securityContext?.windowsOptions?.hostProcess
  const containers = containersOf(spec, field)
  let asked = 0
  for (const [{ securityContext }, path] of containers) {
    const own = securityContext?.windowsOptions?.hostProcess
    if (pod !== undefined && own !== undefined && pod !== own) {
      const why = `pod hostProcess value must be identical if both are specified, was ${pod}`
      errors.push(invalid(`${path}.securityContext.windowsOptions.hostProcess`, own, why))
    }
    if (own ?? pod) asked++
  }
  if (asked === 0) return
  if (asked !== containers.length) {
    const why = 'If pod contains any hostProcess containers then all containers must be HostProcess containers'
    errors.push(invalid(field, '', why))
  }
  if (!spec.hostNetwork) {
    const why = 'hostNetwork must be true if pod contains any hostProcess containers'
    errors.push(invalid(`${field}.hostNetwork`, false, why))
  }
}
