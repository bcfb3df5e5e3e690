// ControllerRevision: an unchanging snapshot of a workload's template.
import type { FieldError } from '../meta/errors.ts'
import { required } from '../meta/errors.ts'
import { controllerOf } from '../meta/owners.ts'
import type * as types from '../types/apps.v1.ts'
import { checkImmutable, checkNonNegative } from './check.ts'
import { age, count, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type ControllerRevision = types.ControllerRevision

export const ControllerRevision = defineKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
  description: 'A snapshot of the state of a StatefulSet or DaemonSet, kept for rollbacks.',
  columns: [
    text(
      'Controller',
      (r) => {
        const owner = controllerOf(r)
        if (!owner) return '<none>'
        const [group, version] = owner.apiVersion.split('/')
        return `${owner.kind.toLowerCase()}${version ? `.${group}` : ''}/${owner.name}`
      },
      'The object whose state it is.',
    ),
    count('Revision', (r) => r.revision, 'Number of the revision.'),
    age(),
  ],
  validate(r) {
    const errors: FieldError[] = []
    if (r.data === undefined || r.data === null) errors.push(required('data', 'data is mandatory'))
    checkNonNegative(errors, 'revision', r.revision)
    return errors
  },
  validateUpdate(r, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'data', r.data, old.data)
    return errors
  },
})
