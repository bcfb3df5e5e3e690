// CustomResourceDefinition: a kind that is declared at run time. What its parts have to be like stands in crd-validation/ and in
// ../structural; what becomes of it, in the API server's crd room.
import { isConditionTrue, withCondition } from '../meta/conditions.ts'
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { Props } from '../structural/props.ts'
import { hasRules, loadRules } from '../structural/rules.ts'
import type * as types from '../types/apiextensions.v1.ts'
import { checkImmutable } from './check.ts'
import { createdAt } from './columns.ts'
import { conversionErrors, hasKnownVersion } from './crd-validation/conversion.ts'
import { approvalErrors, groupErrors, namesErrors } from './crd-validation/names.ts'
import { sharedErrors, versionsErrors } from './crd-validation/versions.ts'
import { defineKind } from './kind.ts'
import { defaultClientConfig } from './webhook-rules.ts'

export type CustomResourceDefinition = types.CustomResourceDefinition
type Definition = DeepReadonly<CustomResourceDefinition>

/** k8s: held by a definition that is being deleted until its instances are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io'

/** k8s: required lists that are empty are told as null. */
const NONE = null as unknown as never[]

function storageVersions({ spec }: { spec: Pick<types.CustomResourceDefinitionSpec, 'versions'> }): string[] {
  const names = new Set((spec.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name))
  return names.size > 0 ? [...names] : NONE
}

export const CustomResourceDefinition = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  subresources: ['status'],
  description: 'Declares a kind of objects beyond the built-in ones.',
  columns: [{ ...createdAt(), shownType: 'date' }],
  default(crd) {
    crd.spec ??= {} as CustomResourceDefinition['spec']
    const { spec } = crd
    spec.names ??= {} as typeof spec.names
    if (spec.names.kind) {
      spec.names.singular ||= spec.names.kind.toLowerCase()
      spec.names.listKind ||= `${spec.names.kind}List`
    }
    spec.conversion ??= { strategy: 'None' }
    defaultClientConfig(spec.conversion.webhook?.clientConfig)
    crd.status ??= {}
    crd.status.acceptedNames ??= { plural: '', kind: '' }
    crd.status.conditions ??= NONE
    if (!crd.status.storedVersions?.length) crd.status.storedVersions = storageVersions(crd)
  },
  ready: ({ spec }) =>
    spec.versions?.some(({ schema }) => hasRules(schema?.openAPIV3Schema as Props | undefined))
      ? loadRules()
      : undefined,
  validate: (crd) => [
    ...nameErrors(crd),
    ...specErrors(crd, undefined),
    ...storedErrors(crd),
    ...approvalErrors(crd, undefined),
  ],
  validateChange(crd, old) {
    const errors = [...specErrors(crd, old)]
    if (isConditionTrue(old.status?.conditions, 'Established')) {
      checkImmutable(errors, 'spec.scope', crd.spec.scope, old.spec.scope)
      checkImmutable(errors, 'spec.names.kind', crd.spec.names.kind, old.spec.names.kind)
    }
    checkImmutable(errors, 'spec.group', crd.spec.group, old.spec.group)
    checkImmutable(errors, 'spec.names.plural', crd.spec.names.plural, old.spec.names.plural)
    errors.push(...storedErrors(crd), ...approvalErrors(crd, old))
    return errors
  },
  validateStatusUpdate: (crd) =>
    namesErrors(crd.status?.acceptedNames ?? { plural: '', kind: '' }, 'status.acceptedNames').concat(
      storedErrors(crd),
    ),
  prepareForCreate(crd) {
    crd.status = {
      conditions: NONE,
      acceptedNames: { plural: '', kind: '' },
      storedVersions: storageVersions(crd),
    }
  },
  prepareForUpdate(crd) {
    // k8s: a version that becomes the stored one is noted at once
    const stored = (crd.spec.versions ?? []).find((v) => v.storage)?.name
    crd.status ??= {}
    const noted = crd.status.storedVersions ?? []
    if (stored && !noted.includes(stored)) crd.status = { ...crd.status, storedVersions: [...noted, stored] }
  },
  prepareForDelete(crd, nowMs) {
    const { finalizers = [] } = crd.metadata
    if (!finalizers.includes(CLEANUP_FINALIZER)) crd.metadata.finalizers = [...finalizers, CLEANUP_FINALIZER]
    const condition: types.CustomResourceDefinitionCondition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    }
    const conditions = withCondition<types.CustomResourceDefinitionCondition>(crd.status?.conditions, condition, nowMs)
    crd.status = { ...crd.status, conditions }
  },
})

function nameErrors({ metadata, spec }: Definition): FieldError[] {
  const wanted = `${spec.names.plural ?? ''}.${spec.group ?? ''}`
  if (metadata.name === wanted) return []
  return [invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group')]
}

/** In the order of the real server's complaints. */
function specErrors({ spec, status }: Definition, old: Definition | undefined): FieldError[] {
  const errors = groupErrors(spec.group)
  if (!spec.scope) errors.push(required('spec.scope'))
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    errors.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']))
  }
  errors.push(...versionsErrors(spec, old?.spec.versions ?? []))
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!spec.names[name]) errors.push(required(`spec.names.${name}`))
  }
  errors.push(...namesErrors(spec.names, 'spec.names'), ...sharedErrors(spec, old?.spec.versions ?? []))
  const requireKnown = !old || hasKnownVersion(old.spec.conversion?.webhook?.conversionReviewVersions)
  errors.push(...conversionErrors(spec.conversion, requireKnown))
  errors.push(...namesErrors(status?.acceptedNames ?? { plural: '', kind: '' }, 'status.acceptedNames'))
  if (spec.preserveUnknownFields && !old?.spec.preserveUnknownFields) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'
    errors.push(invalid('spec.preserveUnknownFields', true, why))
  }
  return errors
}

/** Versions in which objects may still be stored cannot be taken away. */
function storedErrors({ spec, status }: Definition): FieldError[] {
  const path = 'status.storedVersions'
  const noted = status?.storedVersions ?? []
  if (noted.length === 0) return [invalid(path, noted, 'must have at least one stored version')]
  const errors: FieldError[] = []
  const stored = spec.versions.find(({ storage }) => storage)?.name
  if (stored && !noted.includes(stored)) errors.push(invalid(path, noted, `must have the storage version ${stored}`))
  noted.forEach((version, i) => {
    if (spec.versions.some(({ name }) => name === version)) return
    const why = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`
    errors.push(invalid(`${path}[${i}]`, version, why))
  })
  return errors
}
