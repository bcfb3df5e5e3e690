// CustomResourceDefinition: a kind that is declared at run time. The rules of its schemas are checked where custom resources are served.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { dns1035Label, dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/apiextensions.v1.ts'
import { checkImmutable, checkName, checkOneOf, checkPresent, checkUnique } from './check.ts'
import { createdAt } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkClientConfig, defaultClientConfig } from './webhook-rules.ts'

export type CustomResourceDefinition = types.CustomResourceDefinition

export const CustomResourceDefinition = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  scope: 'Cluster',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  subresources: ['status'],
  description: 'Declares a kind of objects beyond the built-in ones.',
  columns: [createdAt()],
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
    crd.status.conditions ??= []
    crd.status.storedVersions ??= (spec.versions ?? []).filter((v) => v.storage).map((v) => v.name)
  },
  validate({ metadata, spec }) {
    const errors: FieldError[] = []
    const { names } = spec
    checkName(errors, 'spec.group', spec.group, dnsSubdomain)
    if (spec.group && !spec.group.includes('.')) {
      errors.push(invalid('spec.group', spec.group, 'should be a domain with at least one dot'))
    }
    checkOneOf(errors, 'spec.scope', spec.scope, ['Cluster', 'Namespaced'])
    checkName(errors, 'spec.names.plural', names.plural, dns1035Label)
    checkName(errors, 'spec.names.singular', names.singular, dns1035Label)
    for (const key of ['kind', 'listKind'] as const) {
      const value = names[key]
      if (!checkPresent(errors, `spec.names.${key}`, value)) continue
      for (const problem of dns1035Label(value!.toLowerCase())) {
        errors.push(invalid(`spec.names.${key}`, value, `may have mixed case, but should otherwise match: ${problem}`))
      }
    }
    if (names.kind && names.kind === names.listKind) {
      errors.push(invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'))
    }
    names.shortNames?.forEach((name, i) => {
      checkName(errors, `spec.names.shortNames[${i}]`, name, dns1035Label)
    })
    names.categories?.forEach((name, i) => {
      checkName(errors, `spec.names.categories[${i}]`, name, dns1035Label)
    })
    const wanted = `${names.plural}.${spec.group}`
    if (metadata.name !== wanted) {
      errors.push(invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'))
    }
    errors.push(...validateVersions(spec))
    checkOneOf(errors, 'spec.conversion.strategy', spec.conversion?.strategy, ['None', 'Webhook'])
    const webhook = spec.conversion?.webhook
    if (spec.conversion?.strategy === 'Webhook') {
      if (!webhook?.clientConfig) {
        errors.push(required('spec.conversion.webhook.clientConfig', 'required when strategy is set to Webhook'))
      } else checkClientConfig(errors, 'spec.conversion.webhook.clientConfig', webhook.clientConfig)
      checkPresent(errors, 'spec.conversion.webhook.conversionReviewVersions', webhook?.conversionReviewVersions)
    }
    return errors
  },
  validateUpdate(crd, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.group', crd.spec.group, old.spec.group)
    const established = old.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True')
    if (established) {
      checkImmutable(errors, 'spec.scope', crd.spec.scope, old.spec.scope)
      checkImmutable(errors, 'spec.names.kind', crd.spec.names.kind, old.spec.names.kind)
    }
    checkImmutable(errors, 'spec.names.plural', crd.spec.names.plural, old.spec.names.plural)
    const names = new Set(crd.spec.versions?.map((v) => v.name))
    old.status?.storedVersions?.forEach((version, i) => {
      if (!names.has(version)) {
        errors.push(
          invalid(`status.storedVersions[${i}]`, version, 'missing from spec.versions; must appear in spec.versions'),
        )
      }
    })
    return errors
  },
  prepareForCreate(crd) {
    crd.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: (crd.spec.versions ?? []).filter((v) => v.storage).map((v) => v.name),
    }
  },
  prepareForUpdate(crd) {
    // k8s: a version that becomes the stored one is noted at once
    const stored = (crd.spec.versions ?? []).find((v) => v.storage)?.name
    crd.status ??= {}
    const noted = crd.status.storedVersions ?? []
    if (stored && !noted.includes(stored)) crd.status = { ...crd.status, storedVersions: [...noted, stored] }
  },
})

function validateVersions({
  versions = [],
  preserveUnknownFields,
}: DeepReadonly<types.CustomResourceDefinitionSpec>): FieldError[] {
  const errors: FieldError[] = []
  if (versions.length === 0) errors.push(required('spec.versions', 'must have at least one version'))
  versions.forEach((version, i) => {
    const at = `spec.versions[${i}]`
    checkName(errors, `${at}.name`, version.name, dns1035Label)
    if (version.deprecationWarning !== undefined && !version.deprecated) {
      errors.push(
        invalid(`${at}.deprecationWarning`, version.deprecationWarning, 'can only be set for deprecated versions'),
      )
    }
    if (!version.schema?.openAPIV3Schema) {
      errors.push(required(`${at}.schema.openAPIV3Schema`, 'schemas are required'))
    }
    version.additionalPrinterColumns?.forEach((column, c) => {
      const path = `${at}.additionalPrinterColumns[${c}]`
      checkPresent(errors, `${path}.name`, column.name)
      checkOneOf(errors, `${path}.type`, column.type, ['boolean', 'date', 'integer', 'number', 'string'])
      checkPresent(errors, `${path}.jsonPath`, column.jsonPath)
    })
    const scale = version.subresources?.scale
    if (scale) {
      const path = `${at}.subresources.scale`
      if (
        checkPresent(errors, `${path}.specReplicasPath`, scale.specReplicasPath) &&
        !scale.specReplicasPath.startsWith('.spec.')
      ) {
        errors.push(invalid(`${path}.specReplicasPath`, scale.specReplicasPath, 'should be a json path under .spec'))
      }
      if (
        checkPresent(errors, `${path}.statusReplicasPath`, scale.statusReplicasPath) &&
        !scale.statusReplicasPath.startsWith('.status.')
      ) {
        errors.push(
          invalid(`${path}.statusReplicasPath`, scale.statusReplicasPath, 'should be a json path under .status'),
        )
      }
    }
  })
  checkUnique(
    errors,
    versions,
    (v) => v.name,
    (i) => `spec.versions[${i}].name`,
  )
  const stored = versions.filter((v) => v.storage).length
  if (versions.length > 0 && stored !== 1) {
    errors.push(
      invalid(
        'spec.versions',
        versions.map((v) => v.name),
        'must have exactly one version marked as storage version',
      ),
    )
  }
  if (preserveUnknownFields) {
    errors.push(
      invalid(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    )
  }
  return errors
}
