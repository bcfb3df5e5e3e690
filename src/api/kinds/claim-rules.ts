// The rules of claims for storage: of PersistentVolumeClaims, of the claims that StatefulSets and pods make from templates.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { validateAnnotations, validateLabels } from '../meta/object-meta.ts'
import { isQuantity, parseQuantity } from '../meta/quantity.ts'
import type {
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  TypedLocalObjectReference,
  TypedObjectReference,
} from '../types/core.v1.ts'
import { checkSelector, type Errors } from './check.ts'

type ClaimSpec = DeepReadonly<PersistentVolumeClaimSpec>

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
export const VOLUME_MODES = ['Block', 'Filesystem']

/** Known, and the one that stands alone alone. */
export function checkAccessModes(errors: Errors, field: string, modes: readonly string[] | undefined): void {
  for (const mode of modes ?? []) {
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(field, mode, ACCESS_MODES))
  }
  const known = (modes ?? []).filter((mode) => ACCESS_MODES.includes(mode))
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod')) {
    errors.push(forbiddenField(field, 'may not use ReadWriteOncePod with other access modes'))
  }
}

/** @param sourcesKept an update: data sources that name a group were let in once, whatever the group */
export function checkClaimSpec(errors: Errors, path: string, spec: ClaimSpec, sourcesKept = false): void {
  if (!spec.accessModes?.length) errors.push(required(`${path}.accessModes`, 'at least 1 access mode is required'))
  if (spec.selector) checkSelector(errors, `${path}.selector`, spec.selector)
  checkAccessModes(errors, `${path}.accessModes`, spec.accessModes)
  const storage = spec.resources?.requests?.['storage']
  if (storage === undefined) errors.push(required(`${path}.resources[storage]`))
  else if (isQuantity(storage) && parseQuantity(storage).nano <= 0n) {
    errors.push(invalid(`${path}.resources[storage]`, storage, 'must be greater than zero'))
  }
  checkClassName(errors, `${path}.storageClassName`, spec.storageClassName)
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode)) {
    errors.push(notSupported(`${path}.volumeMode`, spec.volumeMode, VOLUME_MODES))
  }
  const { dataSource, dataSourceRef } = spec
  if (dataSource) checkDataSource(errors, `${path}.dataSource`, dataSource, sourcesKept)
  if (dataSourceRef) {
    checkDataSource(errors, `${path}.dataSourceRef`, dataSourceRef, sourcesKept)
    for (const problem of dataSourceRef.namespace ? dnsLabel(dataSourceRef.namespace) : []) {
      errors.push(invalid(`${path}.dataSourceRef.namespace`, dataSourceRef.namespace, problem))
    }
  }
  if (dataSource && dataSourceRef?.namespace) {
    errors.push(invalid(path, `${path}.dataSource`, 'may not be specified when dataSourceRef.namespace is specified'))
  } else if (dataSource && dataSourceRef && !sameSource(dataSource, dataSourceRef)) {
    errors.push(invalid(path, `${path}.dataSource`, 'must match dataSourceRef'))
  }
  checkClassName(errors, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName)
}

function checkClassName(errors: Errors, field: string, name: string | undefined): void {
  if (name) for (const problem of dnsSubdomain(name)) errors.push(invalid(field, name, problem))
}

type Source = DeepReadonly<TypedLocalObjectReference | TypedObjectReference>

const sameSource = (a: Source, b: Source) => a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name

function checkDataSource(errors: Errors, path: string, source: Source, kept: boolean): void {
  if (!source.name) errors.push(required(`${path}.name`))
  if (!source.kind) errors.push(required(`${path}.kind`))
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
    errors.push(invalid(path, source.kind ?? '', why))
  }
  if (source.apiGroup && !kept) {
    for (const problem of dnsSubdomain(source.apiGroup)) {
      errors.push(invalid(`${path}.apiGroup`, source.apiGroup, problem))
    }
  }
}

/** The claim that a pod's ephemeral volume is made with: labels and annotations are all that its metadata may say. */
export function checkClaimTemplate(
  errors: FieldError[],
  path: string,
  template: DeepReadonly<PersistentVolumeClaimTemplate>,
): void {
  const metadata = template.metadata ?? {}
  errors.push(...validateAnnotations(metadata.annotations, `${path}.metadata.annotations`))
  errors.push(...validateLabels(metadata.labels, `${path}.metadata.labels`))
  for (const [key, value] of Object.entries(metadata)) {
    if (key === 'annotations' || key === 'labels' || value === undefined || value === '') continue
    errors.push(forbiddenField(`${path}.metadata.${key === 'uid' ? 'uID' : key}`, 'cannot be set'))
  }
  checkClaimSpec(errors, `${path}.spec`, template.spec ?? {})
}
