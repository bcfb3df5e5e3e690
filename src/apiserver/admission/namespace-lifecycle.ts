// Nothing is created in a namespace that doesn't exist or that is being deleted, and the namespaces that the cluster can't be
// without aren't deleted.
import { LocalSubjectAccessReview } from '../../api/kinds/local-subject-access-review.ts'
import { Namespace } from '../../api/kinds/namespace.ts'
import { forbidden, notFound, StatusError } from '../../api/meta/errors.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public'])

export function namespaceLifecycle(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    async mutate(request) {
      const { kind, operation, namespace, name } = request
      const itself = isKind(kind, Namespace)
      if (itself && operation === 'DELETE' && IMMORTAL.has(name)) {
        throw forbidden(refOf(kind), name, 'this namespace may not be deleted')
      }
      if (itself || operation !== 'CREATE' || !namespace || isKind(kind, LocalSubjectAccessReview)) return
      const found = await lookup.get(Namespace, namespace)
      if (!found) throw notFound({ group: '', resource: 'namespaces' }, namespace)
      if (found.status?.phase !== 'Terminating' && !found.metadata.deletionTimestamp) return
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`
      const { message, details } = forbidden(refOf(kind), name, why)
      throw new StatusError(403, 'Forbidden', message, {
        ...details,
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      })
    },
  }
}
