// DELETE of a collection: every object that the selectors choose, each as if deleted by itself.
import { isNotFound } from '../../api/meta/errors.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { type Call, callOn, type Registry } from './call.ts'
import { removeObject } from './delete.ts'
import { parseDeleteOptions } from './delete-options.ts'
import { listMetadata, readPage } from './list.ts'
import { parseListOptions } from './list-options.ts'
import type { Shown } from './stored.ts'

/** How many objects are deleted at once. */
const WORKERS = 16

export async function deleteCollection(registry: Registry, call: Call): Promise<ApiResponse> {
  const { kind } = call
  const options = parseDeleteOptions(call)
  const page = await readPage(registry, call, parseListOptions(kind, call.query, false))
  const chosen = page.items
  const items: Shown[] = []
  let at = 0
  const worker = async () => {
    while (at < chosen.length) {
      const { object } = chosen[at++]!
      const { name, namespace = '' } = object.metadata
      const one = callOn(call, { info: { ...call.info, name, namespace } })
      try {
        items.push((await removeObject(registry, one, { ...options, uid: options.uid ?? object.metadata.uid })).shown)
      } catch (err) {
        if (!isNotFound(err)) throw err
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(WORKERS, chosen.length) }, worker))
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: {
      kind: 'list',
      head: {
        kind: kind.listKind,
        apiVersion: kind.apiVersion,
        metadata: listMetadata(call, page),
      },
      items,
    },
  }
}
