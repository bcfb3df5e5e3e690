// Event objects, as users see them in `kubectl describe`. The recorder counts repetitions instead of writing them again, and limits
// how many one object may cause; implemented in event-recorder.ts.
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'

export interface EventRecorder {
  /**
   * Fire and forget: never throws, never waits; what cannot be written is dropped and logged at debug.
   * @param reason CamelCase, from the standard's vocabulary (`Scheduled`, `Pulled`, `BackOff` …)
   * @param fieldPath for containers: `spec.containers{nginx}`
   */
  event(
    about: DeepReadonly<KubeObject>,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    options?: { fieldPath?: string },
  ): void
}
