// The dataplane for machines where nftables or root isn't to be had: this process accepts the connections itself and passes bytes on.
// Node ports work for everyone. Cluster addresses are put on the loopback interface, which takes root; without it they are left out,
// and the log says so once. Slower than the kernel's, and it ends with the process.
import { spawn } from 'node:child_process'
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Backend, Dataplane, ServicePortRule, ServiceTable } from './table.ts'
import { listenTcp } from './tcp-forwarder.ts'
import { listenUdp } from './udp-forwarder.ts'

/** Chooses a backend for a client's address. Empty when there is none. `skip` are those that just failed. */
export type Choose = (clientIp: string, skip: ReadonlySet<Backend>) => Backend | undefined

/** Something that listens on one address and port until it is closed. */
export interface Forwarder {
  close(): Promise<void>
}

interface Listener {
  forwarder: Forwarder
  /** Looked at for every connection, so that a change of backends needs no new listener. */
  current: { rule: ServicePortRule; external: boolean }
}

export function createUserspaceDataplane({
  clock,
  random = Math.random,
}: {
  clock: Clock
  random?: () => number
}): Dataplane {
  const listeners = new Map<string, Listener>()
  const addresses = new Set<string>()
  let mayAddAddresses = process.getuid?.() === 0

  async function ensureAddress(ctx: Ctx, ip: string): Promise<boolean> {
    if (addresses.has(ip)) return true
    if (!mayAddAddresses) return false
    try {
      await ipCommand('replace', ip)
      addresses.add(ip)
      return true
    } catch (err) {
      mayAddAddresses = false
      ctx.log.warn({ err }, 'cluster addresses cannot be put on the loopback interface: only node ports are served')
      return false
    }
  }

  async function listen(ctx: Ctx, where: Endpoint): Promise<void> {
    if (where.clusterIp && !(await ensureAddress(ctx, where.ip))) return
    const current = { rule: where.rule, external: where.external }
    const choose = chooser(current, clock, random)
    const start = where.rule.protocol === 'TCP' ? listenTcp : where.rule.protocol === 'UDP' ? listenUdp : undefined
    if (!start) return ctx.log.warn({ service: where.rule.id }, 'SCTP needs the kernel dataplane')
    try {
      const forwarder = await start({ ip: where.ip, port: where.port, choose, clock, log: ctx.log })
      listeners.set(where.key, { forwarder, current })
    } catch (err) {
      ctx.log.error(
        { err, service: where.rule.id, address: `${where.ip}:${where.port}` },
        'service address cannot be listened on',
      )
    }
  }

  return {
    name: 'userspace',
    async apply(ctx, table) {
      const wanted = endpoints(table)
      for (const [key, listener] of listeners) {
        if (wanted.has(key)) continue
        listeners.delete(key)
        await listener.forwarder.close()
      }
      for (const where of wanted.values()) {
        const known = listeners.get(where.key)
        if (known) Object.assign(known.current, { rule: where.rule, external: where.external })
        else await listen(ctx, where)
      }
      const inUse = new Set([...wanted.values()].filter((w) => w.clusterIp).map((w) => w.ip))
      for (const ip of [...addresses].filter((address) => !inUse.has(address))) {
        addresses.delete(ip)
        await ipCommand('del', ip).catch((err) => ctx.log.warn({ err, ip }, 'cluster address cannot be taken off'))
      }
    },
    async remove(ctx) {
      await this.apply(ctx, { rules: new Map() })
    },
  }
}

interface Endpoint {
  key: string
  ip: string
  port: number
  clusterIp: boolean
  external: boolean
  rule: ServicePortRule
}

function endpoints({ rules }: ServiceTable): Map<string, Endpoint> {
  const found = new Map<string, Endpoint>()
  const add = (endpoint: Omit<Endpoint, 'key'>) => {
    const key = `${endpoint.rule.protocol} ${endpoint.ip}:${endpoint.port}`
    found.set(key, { key, ...endpoint })
  }
  for (const rule of rules.values()) {
    for (const { ip, port, external } of rule.virtualIPs) add({ ip, port, external, clusterIp: true, rule })
    if (rule.nodePort > 0) add({ ip: '0.0.0.0', port: rule.nodePort, external: true, clusterIp: false, rule })
  }
  return found
}

/** Most clients remembered for affinity; the longest unseen is forgotten first. */
const MAX_CLIENTS = 10_000

function chooser(current: Listener['current'], clock: Clock, random: () => number): Choose {
  const seen = new Map<string, { backend: string; untilMs: number }>()
  return (clientIp, skip) => {
    const { rule, external } = current
    const all = external ? rule.externalBackends : rule.backends
    const candidates = all.filter((backend) => !skip.has(backend))
    if (candidates.length === 0) return undefined
    const any = () => candidates[Math.floor(random() * candidates.length)]!
    if (rule.affinitySeconds === 0) return any()
    const last = seen.get(clientIp)
    const again =
      last && last.untilMs > clock.now() ? candidates.find((b) => `${b.ip}:${b.port}` === last.backend) : undefined
    const chosen = again ?? any()
    seen.delete(clientIp) // so that the map's order is that of use
    seen.set(clientIp, { backend: `${chosen.ip}:${chosen.port}`, untilMs: clock.now() + rule.affinitySeconds * 1000 })
    if (seen.size > MAX_CLIENTS) seen.delete(seen.keys().next().value!)
    return chosen
  }
}

function ipCommand(operation: 'replace' | 'del', ip: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
    const child = spawn('ip', ['addr', operation, `${ip}/32`, 'dev', 'lo'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(0, 1000)
    })
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`ip addr ${operation} ${ip}: ${complaint.trim()}`)),
    )
  })
}
