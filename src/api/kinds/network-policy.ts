// NetworkPolicy: which connections pods may make and take.
import { type Network, networkWarnings, parseNetwork } from '../meta/addresses.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { formatLabelSelector } from '../meta/label-selector.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/networking.v1.ts'
import { checkCidr, checkPort, checkSelector } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type NetworkPolicy = types.NetworkPolicy

type Policy = DeepReadonly<types.NetworkPolicy>
type Kept = readonly string[]

const PROTOCOLS = ['TCP', 'UDP', 'SCTP']
const TYPES = ['Ingress', 'Egress']

function checkPortRule(errors: FieldError[], at: string, rule: DeepReadonly<types.NetworkPolicyPort>): void {
  const { protocol, port, endPort } = rule
  const end = (why: string) => errors.push(invalid(`${at}.endPort`, endPort, why))
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) {
    errors.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS))
  }
  if (port === undefined) {
    if (endPort !== undefined) end('may not be specified when `port` is not specified')
    return
  }
  if (typeof port === 'string') {
    if (endPort !== undefined) end('may not be specified when `port` is non-numeric')
    checkPort(errors, `${at}.port`, port)
    return
  }
  checkPort(errors, `${at}.port`, port)
  if (endPort === undefined) return
  if (endPort < port) end('must be greater than or equal to `port`')
  checkPort(errors, `${at}.endPort`, endPort)
}

/** @param kept ranges that the policy held before: they may stay, whatever they are */
function checkPeer(errors: FieldError[], at: string, peer: DeepReadonly<types.NetworkPolicyPeer>, kept: Kept): void {
  checkSelector(errors, `${at}.podSelector`, peer.podSelector)
  checkSelector(errors, `${at}.namespaceSelector`, peer.namespaceSelector)
  if (peer.ipBlock) checkBlock(errors, `${at}.ipBlock`, peer.ipBlock, kept)
  const selects = peer.podSelector !== undefined || peer.namespaceSelector !== undefined
  if (!selects && !peer.ipBlock) errors.push(required(at, 'must specify a peer'))
  if (selects && peer.ipBlock) errors.push(forbiddenField(at, 'may not specify both ipBlock and another peer'))
}

function checkBlock(errors: FieldError[], at: string, block: DeepReadonly<types.IPBlock>, kept: Kept): void {
  if (!block.cidr) {
    errors.push(required(`${at}.cidr`))
    return
  }
  checkCidr(errors, `${at}.cidr`, block.cidr, kept)
  const whole = parseNetwork(block.cidr)
  if (!whole) return
  block.except?.forEach((cidr, i) => {
    checkCidr(errors, `${at}.except[${i}]`, cidr, kept)
    const part = parseNetwork(cidr)
    if (part && !isStrictPart(part, whole)) {
      errors.push(invalid(`${at}.except[${i}]`, cidr, 'must be a strict subset of `cidr`'))
    }
  })
}

const isStrictPart = (part: Network, whole: Network): boolean =>
  part.family === whole.family &&
  part.bits > whole.bits &&
  parseNetwork(`${part.address.canonical}/${whole.bits}`)?.canonical === whole.canonical

const peersOf = ({ spec }: Policy) => [
  ...(spec?.ingress ?? []).flatMap((rule) => rule.from ?? []),
  ...(spec?.egress ?? []).flatMap((rule) => rule.to ?? []),
]
const rangesOf = (policy: Policy): Kept =>
  peersOf(policy).flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : []))

function policyErrors({ spec }: Policy, kept: Kept): FieldError[] {
  const errors: FieldError[] = []
  checkSelector(errors, 'spec.podSelector', spec?.podSelector)
  const checkRule = (
    at: string,
    ports: readonly DeepReadonly<types.NetworkPolicyPort>[] | undefined,
    side: 'from' | 'to',
    peers: readonly DeepReadonly<types.NetworkPolicyPeer>[] | undefined,
  ) => {
    ports?.forEach((port, i) => {
      checkPortRule(errors, `${at}.ports[${i}]`, port)
    })
    peers?.forEach((peer, i) => {
      checkPeer(errors, `${at}.${side}[${i}]`, peer, kept)
    })
  }
  spec?.ingress?.forEach((rule, i) => {
    checkRule(`spec.ingress[${i}]`, rule.ports, 'from', rule.from)
  })
  spec?.egress?.forEach((rule, i) => {
    checkRule(`spec.egress[${i}]`, rule.ports, 'to', rule.to)
  })
  const kinds: readonly string[] = spec?.policyTypes ?? []
  if (kinds.length > TYPES.length) {
    errors.push(invalid('spec.policyTypes', kinds, 'may not specify more than two policyTypes'))
    return errors
  }
  kinds.forEach((type, i) => {
    if (!TYPES.includes(type)) errors.push(notSupported(`spec.policyTypes[${i}]`, type, TYPES))
  })
  return errors
}

export const NetworkPolicy = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  scope: 'Namespaced',
  shortNames: ['netpol'],
  description: 'Says which network connections the selected pods may take and make.',
  columns: [text('Pod-Selector', (p) => formatLabelSelector(p.spec?.podSelector), 'The pods that it is about.'), age()],
  default(policy) {
    policy.spec ??= {}
    const { spec } = policy
    spec.podSelector ??= {}
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ||= 'TCP'
    }
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']
  },
  validate: (policy) => policyErrors(policy, []),
  validateChange: (policy, old) => policyErrors(policy, rangesOf(old)),
  warnings(policy) {
    const warn = (at: string, side: 'from' | 'to', peers: readonly DeepReadonly<types.NetworkPolicyPeer>[] = []) =>
      peers.flatMap(({ ipBlock }, i) => {
        if (!ipBlock) return []
        const field = `${at}.${side}[${i}].ipBlock`
        const except = ipBlock.except ?? []
        return [
          ...networkWarnings(`${field}.cidr`, ipBlock.cidr),
          ...except.flatMap((cidr, e) => networkWarnings(`${field}.except[${e}]`, cidr)),
        ]
      })
    const { ingress = [], egress = [] } = policy.spec ?? {}
    return [
      ...ingress.flatMap((rule, i) => warn(`spec.ingress[${i}]`, 'from', rule.from)),
      ...egress.flatMap((rule, i) => warn(`spec.egress[${i}]`, 'to', rule.to)),
    ]
  },
})
