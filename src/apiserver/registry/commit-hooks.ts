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
   * May change `next`. Synchronous, so that nobody else's claim slips in between; the write follows in the same turn.
   * @throws Invalid or Forbidden when what the object asks for can't be had
   */
  claim(kind: Kind, next: KubeObject, old: Obj | undefined, dryRun: boolean): Claim | undefined
}

/** One after the other; when one refuses, the claims of those before it are dropped. */
export function inTurn(hooks: readonly CommitHooks[]): CommitHooks {
  return {
    claim(kind, next, old, dryRun) {
      const claims: Claim[] = []
      try {
        for (const hook of hooks) {
          const claim = hook.claim(kind, next, old, dryRun)
          if (claim) claims.push(claim)
        }
      } catch (err) {
        for (const claim of claims) claim.dropped()
        throw err
      }
      if (claims.length <= 1) return claims[0]
      return {
        committed: (revision) => {
          for (const claim of claims) claim.committed(revision)
        },
        dropped: () => {
          for (const claim of claims) claim.dropped()
        },
      }
    },
  }
}
