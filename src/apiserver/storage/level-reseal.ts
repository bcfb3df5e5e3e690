// Rewrites a LevelDB database's records so that every value is encrypted as the sealer would encrypt it today. Record by record:
// each opens before and after, so that being killed in between does no harm. At the end LevelDB is made to rewrite its files, for
// what was replaced would else stay readable in them.
import type { Sealer } from './encryption/sealer.ts'
import type { LevelHandle, Operation } from './level-files.ts'
import { CURRENT_PREFIX, decodeCurrent, decodeLog, encodeCurrent, encodeLog, LOG_PREFIX } from './level-records.ts'

/** There while records are being rewritten: a process that was killed at it leaves files that still hold what was replaced. */
const UNDER_WAY = 'r'

export const wasCutOff = async (db: LevelHandle) => (await db.get(UNDER_WAY)) !== undefined

/** Resolves to how many records were written. The caller sees to it that nothing else writes meanwhile. */
export async function resealAll(db: LevelHandle, sealer: Sealer): Promise<number> {
  await db.batch([{ type: 'put', key: UNDER_WAY, value: Buffer.from('{}') }])
  const current = await rewrite(db, CURRENT_PREFIX, (key, value) => {
    const { entry, stale } = decodeCurrent(key.slice(CURRENT_PREFIX.length), value, sealer)
    return stale ? encodeCurrent(entry, sealer) : undefined
  })
  const log = await rewrite(db, LOG_PREFIX, (key, value) => {
    const record = decodeLog(key, value, sealer)
    return record.stale ? encodeLog(record, sealer) : undefined
  })
  return current + log
}

/** Below and above all records. */
const ENDS = ['!', '~'] as const

/**
 * After `resealAll`, beside other writes. The first pass moves what is in memory to a file, old values included; LevelDB only merges
 * that file when a newer one overlaps it, hence the records at both ends and the second pass.
 */
export async function forgetReplaced(db: LevelHandle): Promise<void> {
  await db.compact(...ENDS)
  await db.batch(ENDS.map((key) => ({ type: 'put', key, value: Buffer.from('{}') })))
  await db.compact(...ENDS)
  await db.batch([...ENDS, UNDER_WAY].map((key) => ({ type: 'del', key })))
}

async function rewrite(
  db: LevelHandle,
  prefix: string,
  renewed: (key: string, value: Uint8Array) => Uint8Array | undefined,
): Promise<number> {
  let written = 0
  for await (const portion of db.scan(prefix)) {
    const operations: Operation[] = []
    for (const [key, old] of portion) {
      const value = renewed(key, old)
      if (value) operations.push({ type: 'put', key, value })
    }
    if (operations.length > 0) await db.batch(operations)
    written += operations.length
  }
  return written
}
