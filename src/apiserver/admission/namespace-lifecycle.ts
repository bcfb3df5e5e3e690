// Nothing is created in a namespace that doesn't exist or that is being deleted, and the namespaces that the cluster can't be
// without aren't deleted.
import { LocalSubjectAccessReview } from '../../api/kinds/local-subject-access-review.ts'
import { Namespace } from '../../api/kinds/namespace.ts'
import { notFound, StatusError } from '../../api/meta/errors.ts'
import { type AdmissionPlugin, type AdmissionRequest, refused } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public'])

export function namespaceLifecycle(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    async mutate(request) {
      const { kind, operation, namespace, name } = request
      const itself = isKind(kind, Namespace)
      if (itself && operation === 'DELETE' && IMMORTAL.has(name)) {
        throw refused(request, 'this namespace may not be deleted')
      }
      // k8s: reviews are answered whatever becomes of the namespace.
      if (itself || operation !== 'CREATE' || !namespace || isKind(kind, LocalSubjectAccessReview)) return
      const found = await lookup.get(Namespace, namespace)
      if (!found) throw notFound({ group: '', resource: 'namespaces' }, namespace)
      if (found.status?.phase === 'Terminating' || found.metadata.deletionTimestamp) throw terminating(request)
    },
  }
}

/** k8s: controllers look for the cause to give up. */
function terminating(request: AdmissionRequest): StatusError {
  const { namespace } = request
  const { message, details } = refused(
    request,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  )
  return new StatusError(403, 'Forbidden', message, {
    ...details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  })
}

/** Off by default: the part of it that asks whether the namespace is there, for servers that leave the rest out. */
export function namespaceExists(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NamespaceExists',
    async validate({ kind, operation, namespace }) {
      if (!namespace || isKind(kind, Namespace) || operation === 'CONNECT') return
      if (!(await lookup.get(Namespace, namespace))) throw notFound({ group: '', resource: 'namespaces' }, namespace)
    },
  }
}
