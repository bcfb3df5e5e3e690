// The admin's client for the benchmarked cluster.

import type { Ctx } from '../../../src/base/ctx.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { type AdminClient, adminClient } from '../../../src/cli/admin-client.ts'
import { resolveConfig } from '../../../src/cli/config.ts'
import { paths } from '../../../src/cli/paths.ts'
import type { Bench } from '../bench.ts'

export const ctx: Ctx = { signal: new AbortController().signal, log: silentLogger }

export async function benchClient({ dataDir }: Bench): Promise<AdminClient> {
  return adminClient(
    paths(dataDir),
    await resolveConfig({ values: new Map([['data-dir', dataDir]]), switches: new Set() }),
  )
}
