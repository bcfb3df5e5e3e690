// When a container that ended is started again. The back-off starts at 10 s, doubles to 5 min, and is forgotten after the container
// has run for 10 min. The first restart comes at once. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ContainerSpec, Role } from './containers.ts'

export const FIRST_DELAY_MS = 10_000
export const LONGEST_DELAY_MS = 300_000
const FORGET_AFTER_MS = 2 * LONGEST_DELAY_MS

export interface Backoff {
  delayMs: number
  /** When the delay was last raised: the restart that it followed. */
  raisedAtMs: number
}

const expired = (backoff: Backoff, eventMs: number) => eventMs - backoff.raisedAtMs > FORGET_AFTER_MS

/** Milliseconds since the epoch before which what failed at `failedAtMs` must not be tried again; undefined: at once. */
export function retryAtMs(backoff: Backoff | undefined, failedAtMs: number): number | undefined {
  return backoff && !expired(backoff, failedAtMs) ? failedAtMs + backoff.delayMs : undefined
}

/** The back-off after one more try. */
export function raise(backoff: Backoff | undefined, nowMs: number): Backoff {
  const delayMs = backoff && !expired(backoff, nowMs) ? Math.min(backoff.delayMs * 2, LONGEST_DELAY_MS) : FIRST_DELAY_MS
  return { delayMs, raisedAtMs: nowMs }
}

/** Whether a container that ended with this code is to be run again. */
export function restarts(pod: DeepReadonly<Pod>, spec: ContainerSpec, role: Role, exitCode: number): boolean {
  if (role === 'ephemeral') return false
  if (role === 'sidecar') return true
  for (const rule of spec.restartPolicyRules ?? []) {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false
    if (rule.action === 'Restart' && (rule.exitCodes?.operator === 'NotIn' ? !listed : listed)) return true
  }
  const policy = spec.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always'
  if (role === 'init') return policy !== 'Never' && exitCode !== 0
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}
