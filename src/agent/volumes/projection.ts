// Which files a ConfigMap, a Secret, the downward API or a token give to a volume. Pure, but for asking for the objects.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { fieldValue, resourceValue } from '../pods/fields.ts'
import type { PayloadFile } from './payload.ts'
import type { VolumeContext } from './plugin.ts'

export type Files = Map<string, PayloadFile>
export const DEFAULT_MODE = 0o644

interface Items {
  items?: readonly DeepReadonly<v1.KeyToPath>[] | undefined
  optional?: boolean | undefined
}

/** @param what for messages: `configmap default/web`. */
function pick(
  what: string,
  data: ReadonlyMap<string, Uint8Array>,
  { items, optional }: Items,
  defaultMode: number,
): Files {
  const files: Files = new Map()
  if (!items?.length) {
    for (const [key, bytes] of data) files.set(key, { data: bytes, mode: defaultMode })
    return files
  }
  for (const { key, path, mode } of items) {
    const bytes = data.get(key)
    if (!bytes) {
      if (optional) continue
      throw new Error(`${what} references non-existent ${what.split(' ')[0]} key: ${key}`)
    }
    files.set(path, { data: bytes, mode: mode ?? defaultMode })
  }
  return files
}

const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const base64 = (text: string): Uint8Array => Buffer.from(text, 'base64')

export async function configMapFiles(name: string, items: Items, mode: number, context: VolumeContext): Promise<Files> {
  const map = await context.configMap(name)
  if (!map && !items.optional) throw new Error(`configmap "${name}" not found`)
  const data = new Map<string, Uint8Array>()
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, utf8(text))
  for (const [key, text] of Object.entries(map?.binaryData ?? {})) data.set(key, base64(text))
  return pick('configmap', data, map ? items : { optional: true }, mode)
}

export async function secretFiles(name: string, items: Items, mode: number, context: VolumeContext): Promise<Files> {
  const secret = await context.secret(name)
  if (!secret && !items.optional) throw new Error(`secret "${name}" not found`)
  const data = new Map(Object.entries(secret?.data ?? {}).map(([key, text]) => [key, base64(text)]))
  return pick('secret', data, secret ? items : { optional: true }, mode)
}

export function downwardFiles(
  items: readonly DeepReadonly<v1.DownwardAPIVolumeFile>[] | undefined,
  mode: number,
  context: VolumeContext,
): Files {
  const files: Files = new Map()
  for (const item of items ?? []) {
    const text = item.fieldRef
      ? fieldValue(item.fieldRef.fieldPath, context.fields)
      : item.resourceFieldRef
        ? resourceValue(item.resourceFieldRef, item.resourceFieldRef.containerName ?? '', context.fields)
        : ''
    files.set(item.path, { data: utf8(text), mode: item.mode ?? mode })
  }
  return files
}
