// The rules of annotations that say something about a pod: the static pod's, the cost of its deletion, and the older form of security
// profiles and tolerations, which must agree with the fields where both are given.
import { type FieldError, forbiddenField, invalid } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { AppArmorProfile, Container, Pod, PodSpec, SeccompProfile, Toleration } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'
import { checkLocalPath } from './paths.ts'
import { checkTolerations } from './scheduling.ts'

type Spec = DeepReadonly<PodSpec>
type Annotations = Readonly<Record<string, string>>

export const MIRROR = 'kubernetes.io/config.mirror'
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/'
const APP_ARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'

/** @param old the annotations before an update: a cost that was wrong already may stay */
export function checkAnnotations(
  errors: Errors,
  field: string,
  annotations: Annotations,
  spec: Spec,
  old?: Annotations,
): void {
  const mirror = annotations[MIRROR]
  if (mirror !== undefined && !spec.nodeName) {
    errors.push(invalid(`${field}[${MIRROR}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'))
  }
  if (annotations[TOLERATIONS]) checkTolerationsText(errors, field, annotations[TOLERATIONS])
  const cost = annotations[DELETION_COST]
  if (!isCost(cost) && (old === undefined || isCost(old[DELETION_COST]))) {
    errors.push(invalid(`${field}[${DELETION_COST}]`, cost, 'must be a 32bit integer'))
  }
  for (const [key, profile] of Object.entries(annotations)) {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_PREFIX)) checkSeccompText(errors, `${field}.${key}`, profile)
  }
  for (const [key, profile] of Object.entries(annotations)) {
    if (!key.startsWith(APP_ARMOR_PREFIX)) continue
    const name = key.slice(APP_ARMOR_PREFIX.length)
    if (!containersOf(spec, '').some(([container]) => container.name === name)) {
      errors.push(invalid(`${field}[${key}]`, name, 'container not found'))
    }
    if (
      profile !== '' &&
      profile !== 'runtime/default' &&
      profile !== 'unconfined' &&
      !profile.startsWith('localhost/')
    ) {
      const why = `invalid AppArmor profile name: ${JSON.stringify(profile)}`
      errors.push(invalid(`${field}[${key}]`, profile, why))
    }
  }
}

function isCost(text: string | undefined): boolean {
  if (text === undefined) return true
  return /^(0|-?[1-9]\d*|-0\d*)$/.test(text) && Math.abs(Number(text) + 0.5) <= 2 ** 31
}

function checkTolerationsText(errors: Errors, field: string, text: string): void {
  try {
    const tolerations: unknown = JSON.parse(text)
    if (!Array.isArray(tolerations)) throw new SyntaxError('not a list of tolerations')
    checkTolerations(errors, `${field}.${TOLERATIONS}`, tolerations as Toleration[])
  } catch (err) {
    errors.push(invalid(field, TOLERATIONS, (err as Error).message))
  }
}

function checkSeccompText(errors: Errors, field: string, profile: string): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return
  if (profile.startsWith('localhost/')) checkLocalPath(errors, field, profile.slice('localhost/'.length))
  else errors.push(invalid(field, profile, 'must be a valid seccomp profile'))
}

type Placed = readonly (readonly [container: DeepReadonly<Container>, path: string])[]

/** k8s: init containers first. */
export function containersOf(spec: Spec, field: string): Placed {
  const of = (list: 'initContainers' | 'containers' | 'ephemeralContainers') =>
    (spec[list] ?? []).map((container, i) => [container, `${field}.${list}[${i}]`] as const)
  return [...of('initContainers'), ...of('containers'), ...of('ephemeralContainers')]
}

/** Profiles that are given both ways say the same. */
export function checkProfileAnnotations(errors: Errors, field: string, annotations: Annotations, spec: Spec): void {
  const security = spec.securityContext
  matchSeccomp(errors, `${field}.securityContext.seccompProfile`, annotations[SECCOMP_POD], security?.seccompProfile)
  const containers = containersOf(spec, field)
  for (const [{ name, securityContext }, path] of containers) {
    const at = `${path}.securityContext.seccompProfile`
    matchSeccomp(errors, at, annotations[SECCOMP_PREFIX + name], securityContext?.seccompProfile)
  }
  if (spec.os?.name === 'windows') return
  for (const [{ name, securityContext }, path] of containers) {
    const profile = securityContext?.appArmorProfile ?? security?.appArmorProfile
    matchAppArmor(errors, `${path}.securityContext.appArmorProfile`, annotations[APP_ARMOR_PREFIX + name], profile)
  }
}

type Profile = DeepReadonly<SeccompProfile | AppArmorProfile> | undefined

function matchSeccomp(errors: Errors, at: string, written: string | undefined, profile: Profile): void {
  match(errors, at, 'seccomp', written, profile, ['runtime/default', 'docker/default'])
}

function matchAppArmor(errors: Errors, at: string, written: string | undefined, profile: Profile): void {
  match(errors, at, 'apparmor', written, profile, ['runtime/default'])
}

function match(
  errors: Errors,
  at: string,
  what: string,
  written: string | undefined,
  profile: Profile,
  defaults: readonly string[],
): void {
  if (written === undefined || !profile) return
  const typesDiffer = () => errors.push(forbiddenField(`${at}.type`, `${what} type in annotation and field must match`))
  if (profile.type === 'Unconfined' && written !== 'unconfined') typesDiffer()
  else if (profile.type === 'RuntimeDefault' && !defaults.includes(written)) typesDiffer()
  else if (profile.type === 'Localhost') {
    if (!written.startsWith('localhost/')) typesDiffer()
    else if (written.slice('localhost/'.length) !== profile.localhostProfile) {
      errors.push(forbiddenField(`${at}.localhostProfile`, `${what} profile in annotation and field must match`))
    }
  }
}

/** What may not be given to a pod afterwards, or taken from it. */
export function annotationChanges(pod: DeepReadonly<Pod>, old: DeepReadonly<Pod>): FieldError[] {
  const errors: Errors = []
  const [now, before] = [pod.metadata.annotations ?? {}, old.metadata.annotations ?? {}]
  const field = (key: string) => `metadata.annotations[${key}]`
  for (const [key, value] of Object.entries(before)) {
    if (now[key] === value) continue
    if (key.startsWith(APP_ARMOR_PREFIX)) {
      errors.push(forbiddenField(field(key), 'may not remove or update AppArmor annotations'))
    }
    if (key === MIRROR) errors.push(forbiddenField(field(key), 'may not remove or update mirror pod annotation'))
  }
  for (const key of Object.keys(now)) {
    if (before[key] !== undefined) continue
    if (key.startsWith(APP_ARMOR_PREFIX)) errors.push(forbiddenField(field(key), 'may not add AppArmor annotations'))
    if (key === MIRROR) errors.push(forbiddenField(field(key), 'may not add mirror pod annotation'))
  }
  return errors
}
