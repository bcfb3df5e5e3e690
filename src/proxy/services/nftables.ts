// The kernel dataplane: keeps the cluster's nftables table equal to the service table, one transaction for each change.
// The first apply of a process replaces the table as a whole (whatever a predecessor left), later ones send only differences.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Ctx } from '../../base/ctx.ts'
import { baseRuleset, type RulesetOptions, ruleChange } from './nft-ruleset.ts'
import type { Dataplane, ServicePortRule } from './table.ts'

export interface NftablesOptions extends RulesetOptions {
  /** The pod network's interface: packets to node ports on localhost leave through it. */
  bridge: string
}

export function createNftablesDataplane(options: NftablesOptions): Dataplane {
  let applied = new Map<string, ServicePortRule>()
  let shared = new Map<string, number>()
  let isFresh = true
  return {
    name: 'nftables',
    async apply(ctx, { rules }) {
      const counts = new Map(isFresh ? [] : shared)
      const before = isFresh ? new Map<string, ServicePortRule>() : applied
      const statements = isFresh ? baseRuleset(options) : []
      for (const [id, rule] of before)
        if (!rules.has(id)) statements.push(...ruleChange(options, rule, undefined, counts))
      for (const [id, rule] of rules) {
        const old = before.get(id)
        if (old !== rule) statements.push(...ruleChange(options, old, rule, counts))
      }
      if (isFresh) prepareKernel(ctx, options.bridge)
      try {
        if (statements.length > 0) await nft(ctx, statements)
      } catch (err) {
        isFresh = true // what the kernel really holds is not known for sure: start over next time
        throw err
      }
      if (!isFresh) await forgetUdpFlows(ctx, before, rules)
      applied = new Map(rules)
      shared = counts
      isFresh = false
    },
    async remove(ctx) {
      await nft(ctx, [`add table ip ${options.table}`, `delete table ip ${options.table}`])
      applied = new Map()
      shared = new Map()
      isFresh = true
    },
  }
}

/** Runs statements as one transaction. @throws Error with nft's own words. */
function nft(ctx: Ctx, statements: readonly string[]): Promise<void> {
  return run(ctx, 'nft', ['-f', '-'], `${statements.join('\n')}\n`)
}

const SBIN = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`

function run(ctx: Ctx, file: string, args: readonly string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, PATH: SBIN } })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(0, 4000)
    })
    child.on('error', (err) => reject(new Error(`${file} cannot be run: ${err.message}`, { cause: err })))
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${file} failed (${code}): ${complaint.trim()}`)),
    )
    child.stdin.on('error', () => {}) // its end is reported by close
    child.stdin.end(input)
    ctx.log.trace({ file, bytes: input.length }, 'kernel tables change')
  })
}

/**
 * Switches that the rules rely on: forwarding; bridged packets pass through the rules (two pods on one bridge); localhost node ports
 * may leave through the pods' bridge. A switch that cannot be set is logged: Services then work for everything but that case.
 */
function prepareKernel(ctx: Ctx, bridge: string): void {
  const switches = ['ipv4/ip_forward', 'bridge/bridge-nf-call-iptables', `ipv4/conf/${bridge}/route_localnet`]
  for (const name of switches) {
    const file = `/proc/sys/net/${name}`
    try {
      if (!existsSync(file) || readFileSync(file, 'utf8').trim() !== '1') writeFileSync(file, '1')
    } catch (err) {
      ctx.log.warn({ err, sysctl: `net.${name.replaceAll('/', '.')}` }, 'kernel switch cannot be set')
    }
  }
}

/**
 * k8s: UDP has no end of connection; a client that goes on sending would stay with a backend that is gone. The kernel's memory of
 * such flows is dropped, where the conntrack tool is installed.
 */
async function forgetUdpFlows(
  ctx: Ctx,
  before: ReadonlyMap<string, ServicePortRule>,
  after: ReadonlyMap<string, ServicePortRule>,
): Promise<void> {
  for (const [id, old] of before) {
    if (old.protocol !== 'UDP' || after.get(id) === old) continue
    const now = new Set(after.get(id)?.backends.map((b) => `${b.ip}:${b.port}`))
    for (const gone of old.backends.filter((b) => !now.has(`${b.ip}:${b.port}`))) {
      for (const { ip, port } of old.virtualIPs) {
        const flow = ['-D', '-p', 'udp', '--orig-dst', ip, '--orig-port-dst', String(port), '--dst-nat', gone.ip]
        await run(ctx, 'conntrack', flow).catch(() => {}) // exits 1 when there is none
      }
    }
  }
}

/** Whether this process may use nftables here. */
export async function nftablesWorks(ctx: Ctx): Promise<boolean> {
  return nft(ctx, ['add table ip skiff-probe', 'delete table ip skiff-probe']).then(
    () => true,
    () => false,
  )
}
