// What every API object has in common. Objects are plain JSON values exactly as on the wire.
import type { ObjectMeta } from '../types/meta.v1.ts'

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

/** An object as it is sent to be created: the server fills in what identifies it. */
export type NewObject<T extends KubeObject> = Omit<T, 'metadata' | 'apiVersion' | 'kind'> & {
  apiVersion?: string
  kind?: string
  metadata: Partial<ObjectMeta>
}

/** Objects from caches and from the store are shared by everyone: never changed in place. */
export type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** `namespace/name`, or `name` for an object without namespace: the key of work queues, caches and log lines. */
export function objectKey(obj: { metadata?: { namespace?: string; name?: string } }): string {
  const { namespace, name = '' } = obj.metadata ?? {}
  return namespace ? `${namespace}/${name}` : name
}

/** Splits what `objectKey` made. */
export function parseKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/')
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
