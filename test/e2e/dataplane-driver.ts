// Runs one dataplane inside a test host: each line of stdin is a list of rules to apply, answered by a line `ok` or the error.
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createNftablesDataplane } from '../../src/proxy/services/nftables.ts'
import type { ServicePortRule } from '../../src/proxy/services/table.ts'
import { createUserspaceDataplane } from '../../src/proxy/services/userspace.ts'

const [kind, podCIDR, bridge] = process.argv.slice(2) as [string, string, string]
const ctx = { signal: new AbortController().signal, log: silentLogger }
const dataplane =
  kind === 'nftables'
    ? createNftablesDataplane({ table: 'skiff-test', podCIDR, bridge })
    : createUserspaceDataplane({ clock: systemClock })

for await (const line of createInterface({ input: process.stdin })) {
  try {
    if (line === 'remove') await dataplane.remove(ctx)
    else
      await dataplane.apply(ctx, {
        rules: new Map((JSON.parse(line) as ServicePortRule[]).map((rule) => [rule.id, rule])),
      })
    process.stdout.write('ok\n')
  } catch (err) {
    process.stdout.write(`${(err as Error).message.replaceAll('\n', ' ')}\n`)
  }
}
process.exit(0)
