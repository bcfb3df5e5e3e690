// Rules of the status of workloads: no count is negative, none exceeds the number of replicas, collisions are only counted up.
import { type FieldError, invalid } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { ReplicaSetStatus } from '../types/apps.v1.ts'
import { checkNonNegative } from './check.ts'

type Counts<K extends string> = Readonly<Partial<Record<K, number>>>

export function checkCounts<K extends string>(errors: FieldError[], status: Counts<K>, keys: readonly K[]): void {
  for (const key of keys) checkNonNegative(errors, `status.${key}`, status[key])
}

/** None of these is more than `replicas`. */
export function checkWithin<K extends string>(
  errors: FieldError[],
  status: Counts<K> & { readonly replicas?: number },
  keys: readonly K[],
): void {
  for (const key of keys) {
    const count = status[key] ?? 0
    if (count > (status.replicas ?? 0)) {
      errors.push(invalid(`status.${key}`, count, 'cannot be greater than status.replicas'))
    }
  }
}

export function checkAvailable(
  errors: FieldError[],
  { availableReplicas = 0, readyReplicas = 0 }: Counts<'availableReplicas' | 'readyReplicas'>,
  why: string,
): void {
  if (availableReplicas > readyReplicas) errors.push(invalid('status.availableReplicas', availableReplicas, why))
}

export function checkCollisions(
  errors: FieldError[],
  status: Counts<'collisionCount'> | undefined,
  old: Counts<'collisionCount'> | undefined,
): void {
  const [now, before] = [status?.collisionCount, old?.collisionCount]
  if (before !== undefined && (now === undefined || now < before)) {
    errors.push(invalid('status.collisionCount', now ?? 0, 'cannot be decremented'))
  }
}

/** ReplicaSets and ReplicationControllers. */
export function validateReplicaStatus(status: DeepReadonly<ReplicaSetStatus> | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (!status) return errors
  const counts = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const
  checkCounts(errors, status, ['replicas', ...counts, 'observedGeneration'])
  checkWithin(errors, status, counts)
  checkAvailable(errors, status, 'cannot be greater than readyReplicas')
  return errors
}
