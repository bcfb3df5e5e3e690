// Doing the same thing many times, carefully at first: batches of 1, 2, 4, … run at once, and the first batch with a failure is the
// last. A quota that refuses one pod of a thousand shall not be asked a thousand times.

/** Runs `work` up to `count` times. Returns how often it succeeded, and the first error. */
export async function slowStart(
  count: number,
  work: (index: number) => Promise<void>,
): Promise<{ done: number; err?: unknown }> {
  let done = 0
  for (let size = Math.min(count, 1); size > 0; size = Math.min(2 * size, count - done)) {
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => work(done + i)))
    const failed = results.find((r) => r.status === 'rejected')
    done += results.filter((r) => r.status === 'fulfilled').length
    if (failed) return { done, err: failed.reason }
  }
  return { done }
}
