// What has to happen around the commit of particular kinds: claims that are made just before the write (addresses and ports of
// Services) and that are dropped again when it fails.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { Revision } from '../storage/store.ts'
import type { Obj } from './call.ts'

/** Made before a write; exactly one of the two is called after it. */
export interface Claim {
  /** The write is in the store at `revision`. */
  committed(revision: Revision): void
  /** The write was refused, or only tried (dry run). */
  dropped(): void
}

export interface CommitHooks {
  /**
   * May change `next`. Synchronous, so that nobody else's claim slips in between.
   * @throws Invalid when what the object asks for can't be had
   */
  claim(kind: Kind, next: KubeObject, old: Obj | undefined): Claim | undefined
}

export const noHooks: CommitHooks = { claim: () => undefined }
