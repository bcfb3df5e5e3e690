// Rules of the status of ReplicaSets and ReplicationControllers: no count is negative, none exceeds the number of replicas.
import { type FieldError, invalid } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { ReplicaSetStatus } from '../types/apps.v1.ts'
import { checkNonNegative } from './check.ts'

export function validateReplicaStatus(status: DeepReadonly<ReplicaSetStatus> | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (!status) return errors
  checkNonNegative(errors, 'status.replicas', status.replicas)
  for (const key of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    checkNonNegative(errors, `status.${key}`, status[key])
    if ((status[key] ?? 0) > (status.replicas ?? 0)) {
      errors.push(invalid(`status.${key}`, status[key], 'cannot be greater than status.replicas'))
    }
  }
  if ((status.availableReplicas ?? 0) > (status.readyReplicas ?? 0)) {
    errors.push(invalid('status.availableReplicas', status.availableReplicas, 'cannot be greater than readyReplicas'))
  }
  return errors
}
