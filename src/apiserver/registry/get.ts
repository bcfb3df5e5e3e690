// GET of one object.
import { notFound } from '../../api/meta/errors.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { keyOf } from '../storage/keys.ts'
import { type Call, namespaceOf, type Registry, refOf } from './call.ts'
import { atLeast } from './freshness.ts'
import { parseWatchVersion } from './list-options.ts'
import { present } from './present.ts'
import { type Shown, view } from './stored.ts'

export async function get(registry: Registry, call: Call): Promise<ApiResponse> {
  const revision = parseWatchVersion(call.query.get('resourceVersion') ?? '')
  if (revision !== undefined) await atLeast(registry, revision, call.signal)
  const { object, json } = await read(registry, call)
  return present(registry, call, object, json)
}

/** The call's object. @throws NotFound */
export async function read(registry: Registry, call: Call): Promise<Shown> {
  const entry = await registry.store.get(keyOf(call.kind as never, namespaceOf(call), call.info.name))
  if (!entry) throw notFound(refOf(call.kind), call.info.name)
  return view(call.kind, entry)
}
