// RuntimeClass: which configuration of the container runtime runs a pod.
import { type FieldError, invalid } from '../meta/errors.ts'
import { dnsLabel } from '../meta/names.ts'
import { validateLabels } from '../meta/object-meta.ts'
import type * as types from '../types/node.v1.ts'
import { checkImmutable } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkResources } from './pod-validation/resources.ts'
import { checkTolerations } from './pod-validation/scheduling.ts'

export type RuntimeClass = types.RuntimeClass

export const RuntimeClass = defineKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  description: 'Names a configuration of the container runtime for pods to choose.',
  columns: [text('Handler', (c) => c.handler ?? '', 'The configuration of the runtime.'), age()],
  validate(c) {
    const errors: FieldError[] = []
    const handler = c.handler ?? ''
    for (const problem of dnsLabel(handler)) errors.push(invalid('handler', handler, problem))
    // k8s: told as the limits that they are like
    checkResources(errors, 'overhead', { limits: c.overhead?.podFixed ?? {} }, new Set())
    errors.push(...validateLabels(c.scheduling?.nodeSelector, 'scheduling.nodeSelector'))
    checkTolerations(errors, 'scheduling.tolerations', c.scheduling?.tolerations)
    return errors
  },
  validateChange(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'handler', c.handler, old.handler)
    return errors
  },
})
