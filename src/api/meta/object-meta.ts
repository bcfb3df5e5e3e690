// The rules of metadata that hold for every kind: names, labels, annotations, owners, finalizers, and what may not change.
// k8s: field paths and sentences as clients know them.
import type { ObjectMeta } from '../types/meta.v1.ts'
import { type FieldError, forbiddenField, invalid, required, tooLong } from './errors.ts'
import { asPrefix, dnsLabel, dnsSubdomain, labelValue, qualifiedName } from './names.ts'
import type { DeepReadonly } from './object.ts'

export const MAX_ANNOTATIONS_BYTES = 256 * 1024
export const IMMUTABLE = 'field is immutable'

type Meta = DeepReadonly<Partial<ObjectMeta>>
export interface MetaRules {
  namespaced: boolean
  /** Names: DNS subdomain unless given. */
  validateName?: (name: string) => string[]
  /** k8s: unusual finalizers of custom resources are only warned of. */
  anyFinalizers?: boolean
}

/** Create and update: everything that can be said from the metadata alone. */
export function validateObjectMeta(meta: Meta, rules: MetaRules, field = 'metadata'): FieldError[] {
  const errors: FieldError[] = []
  const nameRule = rules.validateName ?? dnsSubdomain
  const say = (path: string, value: string, problems: string[]) => {
    for (const problem of problems) errors.push(invalid(`${field}.${path}`, value, problem))
  }
  if (meta.generateName) say('generateName', meta.generateName, asPrefix(nameRule)(meta.generateName))
  if (!meta.name) errors.push(required(`${field}.name`, 'name or generateName is required'))
  else say('name', meta.name, nameRule(meta.name))
  if (rules.namespaced) {
    if (!meta.namespace) errors.push(required(`${field}.namespace`))
    else say('namespace', meta.namespace, dnsLabel(meta.namespace))
  } else if (meta.namespace) {
    errors.push(forbiddenField(`${field}.namespace`, 'not allowed on this type'))
  }
  if ((meta.generation ?? 0) < 0) {
    errors.push(invalid(`${field}.generation`, meta.generation, 'must be greater than or equal to 0'))
  }
  errors.push(...validateLabels(meta.labels, `${field}.labels`))
  errors.push(...validateAnnotations(meta.annotations, `${field}.annotations`))
  errors.push(...validateOwners(meta, `${field}.ownerReferences`))
  errors.push(...validateFinalizers(meta.finalizers, `${field}.finalizers`, rules.anyFinalizers === true))
  return errors
}

export function validateLabels(labels: DeepReadonly<Record<string, string>> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const problem of qualifiedName(key)) errors.push(invalid(field, key, problem))
    for (const problem of labelValue(value)) errors.push(invalid(field, value, problem))
  }
  return errors
}

export function validateAnnotations(
  annotations: DeepReadonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const errors: FieldError[] = []
  let total = 0
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // k8s: upper case is allowed in the prefix of annotation keys
    for (const problem of qualifiedName(key.toLowerCase())) errors.push(invalid(field, key, problem))
    total += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (total > MAX_ANNOTATIONS_BYTES) errors.push(tooLong(field, MAX_ANNOTATIONS_BYTES))
  return errors
}

function validateOwners({ ownerReferences = [] }: Meta, field: string): FieldError[] {
  const errors: FieldError[] = []
  for (const owner of ownerReferences) {
    const { apiVersion, kind, name, uid } = owner
    const version = apiVersion?.includes('/') ? apiVersion.slice(apiVersion.indexOf('/') + 1) : apiVersion
    if (!version) errors.push(invalid(`${field}.apiVersion`, apiVersion ?? '', 'version must not be empty'))
    if (!kind) errors.push(invalid(`${field}.kind`, kind ?? '', 'must not be empty'))
    if (!name) errors.push(invalid(`${field}.name`, name ?? '', 'must not be empty'))
    if (!uid) errors.push(invalid(`${field}.uid`, uid ?? '', 'must not be empty'))
    if (kind === 'Event' && apiVersion === 'v1') {
      errors.push(invalid(field, owner, '/v1, Kind=Event is disallowed from being an owner'))
    }
  }
  const [first, ...more] = ownerReferences.filter((ref) => ref.controller)
  for (const ref of more) {
    const both = `${first!.kind}/${first!.name} and ${ref.kind}/${ref.name}`
    errors.push(
      invalid(
        field,
        ownerReferences,
        `Only one reference can have Controller set to true. Found "true" in references for ${both}`,
      ),
    )
  }
  return errors
}

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion']

/** k8s: what is said about finalizers of custom resources that others might use as well. */
export function finalizerWarnings(finalizers: readonly string[], field = 'metadata.finalizers'): string[] {
  return [...finalizers].sort().flatMap((finalizer) => {
    const about = `${field}: ${JSON.stringify(finalizer)}:`
    const warnings = qualifiedName(finalizer).map((problem) => `${about} ${problem}`)
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.includes(finalizer)) {
      const path = finalizer.includes('.') ? ' including a path (/)' : ''
      warnings.push(
        `${about} prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
      )
    }
    return warnings
  })
}

/** k8s: names without a domain are a few old ones. */
export function standardFinalizerErrors(finalizer: string, field: string): FieldError[] {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)) return []
  return [invalid(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')]
}

function validateFinalizers(finalizers: readonly string[] | undefined, field: string, any: boolean): FieldError[] {
  const errors: FieldError[] = []
  for (const finalizer of any ? [] : (finalizers ?? [])) {
    for (const problem of qualifiedName(finalizer)) errors.push(invalid(field, finalizer, problem))
  }
  if (finalizers?.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  }
  if (any) return errors
  finalizers?.forEach((finalizer, i) => {
    errors.push(...standardFinalizerErrors(finalizer, `${field}[${i}]`))
  })
  return errors
}

/** Update: what may not change. `validateObjectMeta` runs as well. */
export function validateObjectMetaUpdate(meta: Meta, old: Meta, field = 'metadata'): FieldError[] {
  const errors: FieldError[] = []
  const immutable = (key: keyof ObjectMeta, why = IMMUTABLE) => {
    if ((meta[key] ?? null) !== (old[key] ?? null)) errors.push(invalid(`${field}.${key}`, meta[key], why))
  }
  if (old.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((f) => !old.finalizers?.includes(f))
    if (added.length > 0) {
      const list = `[]string{${added.map((f) => JSON.stringify(f)).join(', ')}}`
      errors.push(
        forbiddenField(
          `${field}.finalizers`,
          `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
        ),
      )
    }
  }
  if (!meta.resourceVersion) {
    errors.push(invalid(`${field}.resourceVersion`, meta.resourceVersion ?? '', 'must be specified for an update'))
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid(`${field}.generation`, meta.generation, 'must not be decremented'))
  }
  immutable('name')
  immutable('namespace')
  immutable('uid')
  immutable('creationTimestamp')
  immutable('deletionTimestamp')
  immutable('deletionGracePeriodSeconds', 'field is immutable; may only be changed via deletion')
  return errors
}
