// ResourceClaimTemplate: from which each pod gets a claim of its own.
import type { FieldError } from '../meta/errors.ts'
import { validateAnnotations, validateLabels } from '../meta/object-meta.ts'
import type * as types from '../types/resource.v1.ts'
import { checkImmutable } from './check.ts'
import { age } from './columns.ts'
import { defaultClaimSpec, validateClaimSpec } from './device-rules.ts'
import { defineKind } from './kind.ts'

export type ResourceClaimTemplate = types.ResourceClaimTemplate

export const ResourceClaimTemplate = defineKind<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  scope: 'Namespaced',
  description: 'A template from which each pod gets its own claim for devices.',
  columns: [age()],
  hasGeneration: false,
  default(t) {
    t.spec ??= { spec: {} }
    t.spec.spec ??= {}
    defaultClaimSpec(t.spec.spec)
  },
  validate: ({ spec }) => [
    ...validateLabels(spec.metadata?.labels, 'spec.metadata.labels'),
    ...validateAnnotations(spec.metadata?.annotations, 'spec.metadata.annotations'),
    ...validateClaimSpec(spec.spec, 'spec.spec'),
  ],
  validateChange(t, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec', t.spec, old.spec)
    return errors
  },
})
