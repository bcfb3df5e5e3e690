// Pods and claims within the LimitRanges of their namespace: containers get defaults, and what is out of bounds is refused.
import { LimitRange } from '../../api/kinds/limit-range.ts'
import { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { type AdmissionPlugin, type AdmissionRequest, refused } from './admission.ts'
import { applyContainerDefaults, claimProblems, podProblems } from './limit-rules.ts'
import { isKind, type Lookup } from './lookup.ts'

export function limitRanger(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'LimitRanger',
    concerns: (kind) => isKind(kind, Pod) || isKind(kind, PersistentVolumeClaim),
    async mutate(request) {
      if (!concerns(request) || !isKind(request.kind, Pod)) return
      for (const range of await lookup.list(LimitRange, request.namespace)) {
        applyContainerDefaults(request.object as unknown as Pod, range)
      }
    },
    async validate(request) {
      if (!concerns(request)) return
      for (const range of await lookup.list(LimitRange, request.namespace)) {
        const problems = isKind(request.kind, Pod)
          ? podProblems(request.object as never, range)
          : claimProblems(request.object as never, range)
        // k8s: several errors stand in brackets.
        if (problems.length > 0) {
          throw refused(request, problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`)
        }
      }
    },
  }
}

/** k8s: a pod's containers don't change after its creation, but for what a resize asks. */
function concerns({ kind, operation, subresource, object, old }: AdmissionRequest): boolean {
  if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return false
  if (old?.metadata.deletionTimestamp) return false
  if (isKind(kind, Pod)) {
    return operation === 'CREATE' ? subresource === '' : subresource === 'resize'
  }
  return isKind(kind, PersistentVolumeClaim) && subresource === ''
}
