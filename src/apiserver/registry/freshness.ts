// Waiting until the store has got to a revision that a client has seen elsewhere. k8s: three seconds, then "Too large resource version".
import { tooLargeRevision } from '../respond.ts'
import { FutureRevision, type Revision } from '../storage/store.ts'
import type { Registry } from './call.ts'

const WAIT_MS = 3000

/** @throws Timeout when the revision isn't reached in time; the signal's reason when the client went away first. */
export async function atLeast(registry: Registry, revision: Revision | undefined, signal: AbortSignal): Promise<void> {
  const { store, clock } = registry
  if (revision === undefined || revision <= store.revision) return
  const late = new AbortController()
  const timer = clock.after(WAIT_MS, () => late.abort())
  try {
    await store.reached(revision, AbortSignal.any([signal, registry.stopping, late.signal]))
  } catch (err) {
    signal.throwIfAborted()
    if (!late.signal.aborted) throw err
    throw tooLargeRevision(new FutureRevision(revision, store.revision).message)
  } finally {
    timer.cancel()
  }
}
