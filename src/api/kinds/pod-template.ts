// PodTemplate: a template kept as an object of its own.

import type * as types from '../types/core.v1.ts'
import { containers, labelMap } from './columns.ts'
import { defineKind } from './kind.ts'
import { validatePodTemplate } from './pod-validation/spec.ts'
import { podTemplateWarnings } from './pod-validation/warnings.ts'
import { defaultTemplate } from './workload.ts'

export type PodTemplate = types.PodTemplate

export const PodTemplate = defineKind<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  scope: 'Namespaced',
  description: 'A template for pods, kept as an object for others to copy.',
  columns: [
    ...containers<PodTemplate>((t) => t.template?.spec),
    labelMap('Pod Labels', (t) => t.template?.metadata?.labels, 'Labels that pods made from it carry.'),
  ],
  default: (t) => defaultTemplate(t),
  warnings: (t) => podTemplateWarnings(t.template, 'template'),
  validate: (t) => validatePodTemplate(t.template, 'template'),
})
