// Off by default. Services may keep external addresses that they have, and get no new ones.
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { type AdmissionPlugin, refused } from './admission.ts'
import { isKind } from './lookup.ts'

export const denyServiceExternalIPs: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  concerns: (kind) => isKind(kind, Service),
  validate(request) {
    const { kind, operation, subresource, object, old } = request
    if (!isKind(kind, Service) || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const had = addressesOf(old as DeepReadonly<Service> | undefined)
    if (addressesOf(object as unknown as DeepReadonly<Service>).every((address) => had.includes(address))) return
    throw refused(request, 'Use of external IPs is denied by admission control')
  },
}

const addressesOf = (service: DeepReadonly<Service> | undefined) => service?.spec?.externalIPs ?? []
