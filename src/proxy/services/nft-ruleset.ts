// The service table in nftables' language: pure text. One chain per Service port, reached through two verdict maps, so that a packet
// costs one look-up however many Services there are, and a change costs the statements of what changed.
//
//   nat prerouting/output → services → vmap @vips (address, protocol, port)  → chain of the port → dnat to a random backend
//                                    → vmap @nodeports (protocol, port) ────┘
//   nat postrouting: masquerade what was marked (hairpins, and what comes from outside the pod network)
//   filter: reject what goes to a Service port without backends, or to a port that a cluster address doesn't have
import { createHash } from 'node:crypto'
import type { Backend, ServicePortRule } from './table.ts'

export interface RulesetOptions {
  /** nftables table name; one per cluster. */
  table: string
  /** Traffic to cluster addresses from elsewhere is masqueraded. */
  podCIDR: string
}

/** The mark that asks postrouting to masquerade. k8s: kube-proxy's bit. */
const MASQUERADE = '0x4000'

/** Everything that stands whatever Services there are. Begins by removing the table, all in one transaction. */
export function baseRuleset({ table, podCIDR }: RulesetOptions): string[] {
  const t = `ip ${table}`
  return [
    `add table ${t}`,
    `delete table ${t}`,
    `add table ${t} { comment "Skiff Services" ; }`,
    `add map ${t} vips { type ipv4_addr . inet_proto . inet_service : verdict ; }`,
    `add map ${t} nodeports { type inet_proto . inet_service : verdict ; }`,
    `add map ${t} rejected-vips { type ipv4_addr . inet_proto . inet_service : verdict ; }`,
    `add map ${t} rejected-nodeports { type inet_proto . inet_service : verdict ; }`,
    `add set ${t} cluster-ips { type ipv4_addr ; }`,
    `add set ${t} hairpins { type ipv4_addr . ipv4_addr ; }`,
    `add chain ${t} mark-masquerade`,
    `add rule ${t} mark-masquerade meta mark set meta mark or ${MASQUERADE}`,
    `add chain ${t} refuse`,
    `add rule ${t} refuse meta l4proto tcp reject with tcp reset`,
    `add rule ${t} refuse reject`,
    `add chain ${t} blackhole`,
    `add rule ${t} blackhole drop`,
    `add chain ${t} services`,
    `add rule ${t} services ip daddr . meta l4proto . th dport vmap @vips`,
    `add rule ${t} services fib daddr type local meta l4proto . th dport vmap @nodeports`,
    `add chain ${t} nat-prerouting { type nat hook prerouting priority dstnat ; }`,
    `add rule ${t} nat-prerouting jump services`,
    `add chain ${t} nat-output { type nat hook output priority -100 ; }`,
    `add rule ${t} nat-output jump services`,
    `add chain ${t} nat-postrouting { type nat hook postrouting priority srcnat ; }`,
    // A request on a loopback address (a node port on localhost) must leave with an address that the pod can answer.
    `add rule ${t} nat-postrouting ip saddr 127.0.0.0/8 ip daddr ${podCIDR} masquerade`,
    // A pod that reaches itself must see another address than its own, or its answer never comes back through here.
    `add rule ${t} nat-postrouting ct status dnat ip saddr . ip daddr @hairpins masquerade`,
    `add rule ${t} nat-postrouting meta mark and ${MASQUERADE} != ${MASQUERADE} return`,
    `add rule ${t} nat-postrouting meta mark set meta mark xor ${MASQUERADE}`,
    `add rule ${t} nat-postrouting masquerade fully-random`,
    `add chain ${t} unserved`,
    `add rule ${t} unserved ip daddr . meta l4proto . th dport vmap @rejected-vips`,
    `add rule ${t} unserved fib daddr type local meta l4proto . th dport vmap @rejected-nodeports`,
    `add rule ${t} unserved ip protocol { tcp, udp, sctp } ip daddr @cluster-ips goto refuse`,
    // Behind the address translation: what still goes to a cluster address has nobody to go to.
    ...['input', 'forward', 'output'].flatMap((hook) => [
      `add chain ${t} filter-${hook} { type filter hook ${hook} priority -90 ; }`,
      `add rule ${t} filter-${hook} ct state new jump unserved`,
    ]),
  ]
}

/**
 * Statements that take the kernel from `before` to `after` (undefined: not there) for one rule. Empty when nothing changed.
 * @param shared counts the users of elements that several rules have in common; kept up to date here.
 */
export function ruleChange(
  options: RulesetOptions,
  before: ServicePortRule | undefined,
  after: ServicePortRule | undefined,
  shared: Map<string, number>,
): string[] {
  const t = `ip ${options.table}`
  const old = before ? portObjects(options, before) : NOTHING
  const want = after ? portObjects(options, after) : NOTHING
  const removed = [...difference(old.elements, want.elements), ...released(shared, difference(old.shared, want.shared))]
  const added = [...difference(want.elements, old.elements), ...claimed(shared, difference(want.shared, old.shared))]
  const goneChains = [...old.chains.keys()].filter((name) => !want.chains.has(name))
  const changedChains = [...want.chains].filter(([name, rules]) => !sameList(old.chains.get(name), rules))
  return [
    // Elements go first: an address may change its map or its verdict. It is all one transaction, so nobody sees a gap.
    ...removed.map((element) => `delete element ${t} ${withoutVerdict(element)}`),
    ...[...want.sets]
      .filter(([name]) => !old.sets.has(name))
      .map(([name, definition]) => `add set ${t} ${name} ${definition}`),
    ...changedChains.filter(([name]) => !old.chains.has(name)).map(([name]) => `add chain ${t} ${name}`),
    ...[...goneChains, ...changedChains.map(([name]) => name).filter((name) => old.chains.has(name))].map(
      (name) => `flush chain ${t} ${name}`,
    ),
    ...changedChains.flatMap(([name, rules]) => rules.map((rule) => `add rule ${t} ${name} ${rule}`)),
    ...added.map((element) => `add element ${t} ${element}`),
    ...goneChains.map((name) => `delete chain ${t} ${name}`),
    ...[...old.sets.keys()].filter((name) => !want.sets.has(name)).map((name) => `delete set ${t} ${name}`),
  ]
}

/** All that one rule puts into the kernel. */
interface PortObjects {
  chains: Map<string, string[]>
  sets: Map<string, string>
  /** `MAP { KEY : VERDICT }`, this rule's alone. */
  elements: string[]
  /** `SET { KEY }`, possibly also another rule's. */
  shared: string[]
}
const NOTHING: PortObjects = { chains: new Map(), sets: new Map(), elements: [], shared: [] }

function portObjects({ podCIDR }: RulesetOptions, rule: ServicePortRule): PortObjects {
  const name = chainName(rule.id)
  const proto = rule.protocol.toLowerCase()
  const objects: PortObjects = { chains: new Map(), sets: new Map(), elements: [], shared: [] }
  const inside = `svc-${name}`
  const outside = `ext-${name}`
  if (rule.backends.length > 0)
    addBalancer(objects, inside, rule, rule.backends, [`ip saddr != ${podCIDR} jump mark-masquerade`])
  if (rule.externalBackends.length > 0) {
    const ranges = rule.sourceRanges.filter((range) => /^[\d./]+$/.test(range))
    const guard = ranges.length > 0 ? [`ip saddr != { ${ranges.join(', ')} } goto blackhole`] : []
    addBalancer(objects, outside, rule, rule.externalBackends, [
      ...guard,
      ...(rule.preserveClientIP ? [] : ['jump mark-masquerade']),
    ])
  }
  const target = (external: boolean) => (external ? outside : inside)
  const backendsOf = (external: boolean) => (external ? rule.externalBackends : rule.backends)
  for (const { ip, port, external } of rule.virtualIPs) {
    const key = `${ip} . ${proto} . ${port}`
    if (backendsOf(external).length > 0) objects.elements.push(`vips { ${key} : goto ${target(external)} }`)
    else objects.elements.push(`rejected-vips { ${key} : goto ${unserved(rule, external)} }`)
    if (!external) objects.shared.push(`cluster-ips { ${ip} }`)
  }
  if (rule.nodePort > 0) {
    const key = `${proto} . ${rule.nodePort}`
    if (rule.externalBackends.length > 0) objects.elements.push(`nodeports { ${key} : goto ${outside} }`)
    else objects.elements.push(`rejected-nodeports { ${key} : goto ${unserved(rule, true)} }`)
  }
  const ips = new Set([...rule.backends, ...rule.externalBackends].map((b) => b.ip))
  for (const ip of ips) objects.shared.push(`hairpins { ${ip} . ${ip} }`)
  return objects
}

/** k8s: with externalTrafficPolicy Local a node without endpoints drops, so that load balancers' checks see it; all else is refused. */
function unserved(rule: ServicePortRule, external: boolean): string {
  return external && rule.preserveClientIP && rule.backends.length > 0 ? 'blackhole' : 'refuse'
}

/** Chains that send a connection to one of the backends, each as likely, or to the one that this client had before. */
function addBalancer(
  objects: PortObjects,
  chain: string,
  rule: ServicePortRule,
  backends: readonly Backend[],
  first: string[],
): void {
  const proto = rule.protocol.toLowerCase()
  const count = backends.length
  if (rule.affinitySeconds === 0) {
    const choices = backends.map((b, i) => `${i} : ${b.ip} . ${b.port}`).join(', ')
    const send =
      count === 1
        ? `dnat to ${backends[0]!.ip}:${backends[0]!.port}`
        : `dnat ip to numgen random mod ${count} map { ${choices} }`
    objects.chains.set(chain, [...first, `meta l4proto ${proto} ${send}`])
    return
  }
  const ends = backends.map((b) => ({ ...b, chain: `${chain}-${b.ip.replaceAll('.', '-')}-${b.port}` }))
  for (const end of ends) {
    objects.sets.set(
      `aff-${end.chain}`,
      `{ type ipv4_addr ; flags dynamic,timeout ; timeout ${rule.affinitySeconds}s ; }`,
    )
    objects.chains.set(end.chain, [
      `update @aff-${end.chain} { ip saddr }`,
      `meta l4proto ${proto} dnat to ${end.ip}:${end.port}`,
    ])
  }
  objects.chains.set(chain, [
    ...first,
    ...ends.map((end) => `ip saddr @aff-${end.chain} goto ${end.chain}`),
    `numgen random mod ${count} vmap { ${ends.map((end, i) => `${i} : goto ${end.chain}`).join(', ')} }`,
  ])
}

function difference(from: readonly string[], without: readonly string[]): string[] {
  const there = new Set(without)
  return from.filter((value) => !there.has(value))
}
/** Those of the elements that nobody had before. */
function claimed(counts: Map<string, number>, elements: readonly string[]): string[] {
  return elements.filter((element) => {
    const count = counts.get(element) ?? 0
    counts.set(element, count + 1)
    return count === 0
  })
}
/** Those of the elements that nobody has any more. */
function released(counts: Map<string, number>, elements: readonly string[]): string[] {
  return elements.filter((element) => {
    const count = counts.get(element) ?? 1
    if (count > 1) counts.set(element, count - 1)
    else counts.delete(element)
    return count <= 1
  })
}
/** Deleting an element takes only its key. */
const withoutVerdict = (element: string) => element.replace(/ : goto [^ }]+ }$/, ' }')

/** Short, unique and readable: the kernel's names have at most 127 characters. */
export function chainName(id: string): string {
  const readable = id.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 60)
  return `${createHash('sha256').update(id).digest('hex').slice(0, 8)}-${readable.replace(/-+$/, '')}`
}

const sameList = (a: readonly string[] | undefined, b: readonly string[]) =>
  a !== undefined && a.length === b.length && a.every((v, i) => v === b[i])
