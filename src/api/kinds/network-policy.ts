// NetworkPolicy: which connections pods may make and take.
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { formatLabelSelector } from '../meta/label-selector.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/networking.v1.ts'
import { checkCidr, checkOneOf, checkPort, checkSelector } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type NetworkPolicy = types.NetworkPolicy

function checkPorts(
  errors: FieldError[],
  field: string,
  ports: readonly DeepReadonly<types.NetworkPolicyPort>[] | undefined,
): void {
  ports?.forEach(({ protocol, port, endPort }, i) => {
    const at = `${field}[${i}]`
    checkOneOf(errors, `${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP'])
    if (port !== undefined) checkPort(errors, `${at}.port`, port)
    if (endPort === undefined) return
    if (port === undefined) {
      errors.push(required(`${at}.port`, 'must be specified when `endPort` is specified'))
    } else if (typeof port === 'string') {
      errors.push(invalid(`${at}.endPort`, endPort, 'may not be specified when `port` is non-numeric'))
    } else if (endPort < port) {
      errors.push(invalid(`${at}.endPort`, endPort, 'must be greater than or equal to `port`'))
    } else checkPort(errors, `${at}.endPort`, endPort)
  })
}

function checkPeer(errors: FieldError[], at: string, peer: DeepReadonly<types.NetworkPolicyPeer>): void {
  checkSelector(errors, `${at}.podSelector`, peer.podSelector)
  checkSelector(errors, `${at}.namespaceSelector`, peer.namespaceSelector)
  const selects = peer.podSelector !== undefined || peer.namespaceSelector !== undefined
  if (!peer.ipBlock) {
    if (!selects) errors.push(required(at, 'must specify a peer'))
    return
  }
  if (selects) errors.push(forbiddenField(at, 'may not specify both ipBlock and another peer'))
  if (!peer.ipBlock.cidr) errors.push(required(`${at}.ipBlock.cidr`))
  else checkCidr(errors, `${at}.ipBlock.cidr`, peer.ipBlock.cidr)
  peer.ipBlock.except?.forEach((cidr, i) => {
    checkCidr(errors, `${at}.ipBlock.except[${i}]`, cidr)
  })
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
  validate({ spec }) {
    const errors: FieldError[] = []
    checkSelector(errors, 'spec.podSelector', spec?.podSelector)
    spec?.ingress?.forEach((rule, i) => {
      checkPorts(errors, `spec.ingress[${i}].ports`, rule.ports)
      rule.from?.forEach((peer, p) => {
        checkPeer(errors, `spec.ingress[${i}].from[${p}]`, peer)
      })
    })
    spec?.egress?.forEach((rule, i) => {
      checkPorts(errors, `spec.egress[${i}].ports`, rule.ports)
      rule.to?.forEach((peer, p) => {
        checkPeer(errors, `spec.egress[${i}].to[${p}]`, peer)
      })
    })
    const types = spec?.policyTypes ?? []
    if (types.length > 2) errors.push(invalid('spec.policyTypes', types, 'may not specify more than two policyTypes'))
    types.forEach((type, i) => {
      checkOneOf(errors, `spec.policyTypes[${i}]`, type, ['Egress', 'Ingress'])
    })
    return errors
  },
})
