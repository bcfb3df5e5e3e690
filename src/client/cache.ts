// Informers and listers, as their users see them. `informer.ts` implements it; one cache per process shares one watch per kind.
import type { Kind } from '../api/kinds/kind.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'

export interface Selection {
  namespace?: string
  /** Only objects whose controlling owner reference has this uid. Indexed. */
  ownedBy?: { metadata: { uid: string } }
}

export type ChangeHandler<T> = (change: {
  type: 'added' | 'updated' | 'deleted'
  object: DeepReadonly<T>
  /** What the cache held before an update. */
  old: DeepReadonly<T> | undefined
}) => void

/**
 * What the API held a moment ago. Objects are shared and frozen by contract. Reads never wait; a kind must have been asked for
 * with `watch` and have synced before reads of it say anything.
 */
export interface Cache {
  /**
   * Begins to follow a kind (once per process and selection, however often it is asked for). Handlers run synchronously, in order, the
   * cache being updated first; objects that exist already arrive as `added`. Returns a function that takes the handler off.
   */
  watch<T extends KubeObject>(kind: Kind<T>, onChange?: ChangeHandler<T>): () => void
  /** Ends following a kind that is served no more; what the cache held of it is gone. */
  forget(kind: Kind<never>): void
  /** Resolves when every kind asked for so far has been listed once; rejects when the signal is aborted. */
  synced(signal: AbortSignal): Promise<void>
  get<T extends KubeObject>(kind: Kind<T>, name: string, namespace?: string): DeepReadonly<T> | undefined
  /** In no particular order. */
  list<T extends KubeObject>(kind: Kind<T>, selection?: Selection): readonly DeepReadonly<T>[]
  /** True when the cache has seen the write that made this resourceVersion of the kind (or something later). */
  hasSeen(kind: Kind<never>, resourceVersion: string): boolean
}
