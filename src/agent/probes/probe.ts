// What a probe's results mean: thresholds turn single results into the state of a container. Pure.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'
export type ProbeSpec = DeepReadonly<v1.Probe>
export interface ProbeResult {
  ok: boolean
  /** What a user reads in the Unhealthy event. */
  message: string
}

export interface ProbeState {
  /** The verdict so far; undefined before the first threshold is reached. */
  verdict: boolean | undefined
  /** The last result and how often in a row it came. */
  last: boolean | undefined
  inRow: number
}
export const newProbeState = (verdict?: boolean): ProbeState => ({ verdict, last: undefined, inRow: 0 })

export function probeStep(state: ProbeState, ok: boolean, spec: ProbeSpec): ProbeState {
  const inRow = state.last === ok ? state.inRow + 1 : 1
  const threshold = ok ? (spec.successThreshold ?? 1) : (spec.failureThreshold ?? 3)
  return { verdict: inRow >= threshold ? ok : state.verdict, last: ok, inRow }
}

export const periodMs = (spec: ProbeSpec) => Math.max(spec.periodSeconds ?? 10, 1) * 1000
export const timeoutMs = (spec: ProbeSpec) => Math.max(spec.timeoutSeconds ?? 1, 1) * 1000
export const initialDelayMs = (spec: ProbeSpec) => (spec.initialDelaySeconds ?? 0) * 1000

const TITLE: Readonly<Record<ProbeKind, string>> = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' }
/** k8s: `Readiness probe failed: HTTP probe failed with statuscode: 503`. */
export const unhealthyMessage = (kind: ProbeKind, message: string) => `${TITLE[kind]} probe failed: ${message}`
