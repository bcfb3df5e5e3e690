// Who set which field: the registry's view of metadata.managedFields and of the four patch types. The patch folder implements it.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { Obj } from './call.ts'

export interface FieldWriter {
  readonly manager: string
  readonly subresource: string
  readonly nowMs: number
}

export interface FieldManagement {
  /** Notes what `writer` changed, in `next.metadata.managedFields`. What the client sent there itself is dropped. */
  track(kind: Kind, next: KubeObject, old: Obj | undefined, writer: FieldWriter): void
  /**
   * Server-side apply: the live object (undefined: none yet) with the client's configuration in it and managedFields up to date.
   * @throws Conflict unless `force` when somebody else owns a field with another value
   */
  apply(kind: Kind, live: Obj | undefined, configuration: object, writer: FieldWriter & { force: boolean }): KubeObject
}
