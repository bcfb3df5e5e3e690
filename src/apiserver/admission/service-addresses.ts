// An update of a Service that doesn't mention its addresses keeps them, and a change of type gives back what the new one hasn't.
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { carryOver } from '../allocators/service-plan.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind } from './lookup.ts'

export const serviceCarryOver: AdmissionPlugin = {
  name: 'ServiceAddresses',
  concerns: (kind) => isKind(kind, Service),
  mutate({ kind, operation, subresource, object, old }) {
    if (!isKind(kind, Service) || operation !== 'UPDATE' || subresource !== '') return
    carryOver(object as unknown as Service, old as DeepReadonly<Service>)
  },
}
