// One object as the answer to a call, in the view that the client asked for.

import type { ApiResponse } from '../../api/wire.ts'
import { objectResponse } from '../respond.ts'
import { partialMetadata, table, viewOptions } from '../table/table.ts'
import type { Call, Obj, Registry } from './call.ts'

export function present(registry: Registry, call: Call, object: Obj, json?: Uint8Array, status = 200): ApiResponse {
  switch (call.view) {
    case 'Table': {
      const head = { resourceVersion: object.metadata.resourceVersion ?? '' }
      return objectResponse(table(call.kind, [object], viewOptions(call), registry.clock.now(), head), { status })
    }
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return objectResponse(partialMetadata(object, call.viewVersion), { status })
    default:
      return objectResponse(object, { status, json })
  }
}
