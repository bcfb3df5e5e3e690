// Admission of an update through an endpoint: of the object itself, or of the shape that the endpoint shows (Scale), whose changes
// are taken over into the object.
import type { KubeObject } from '../../api/meta/object.ts'
import type { Admission } from '../admission/admission.ts'
import type { Call, Obj } from './call.ts'
import type { Endpoint } from './endpoint.ts'
import { admissionRequest } from './write.ts'

export interface WriteAdmission {
  /** True when something outside this server changed the object. */
  readonly touched: boolean
  mutate(admission: Admission): Promise<void>
  validate(admission: Admission): Promise<void>
}

/** Undefined where whoever began the write has asked already. */
export function admissionOf(
  call: Call,
  endpoint: Endpoint,
  obj: KubeObject,
  old: Obj,
  dryRun: boolean,
): WriteAdmission | undefined {
  const { kind } = call
  const view = endpoint.admission
  if (view === 'none') return undefined
  if (!view) {
    const request = admissionRequest(call, 'UPDATE', obj, old, dryRun)
    return {
      get touched() {
        return request.rounds.touched
      },
      mutate: (admission) => admission.mutate(request),
      validate: (admission) => admission.validate(request),
    }
  }
  const shown = view.show(kind, obj)
  const request = admissionRequest(call, 'UPDATE', shown, view.show(kind, old), dryRun, { bodyKind: view.kind })
  return {
    touched: false,
    async mutate(admission) {
      await admission.mutate(request)
      if (request.rounds.touched) view.take(kind, obj, shown)
    },
    validate: (admission) => admission.validate(request),
  }
}
