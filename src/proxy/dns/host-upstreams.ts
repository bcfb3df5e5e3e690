// The host's nameservers, from its resolv.conf, read again when the file changes. Ourselves left out: a resolver that asks itself
// never gets an answer.
import { readFileSync, statSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { parseResolvConf } from '../../base/resolv-conf.ts'
import type { AddressTest } from './ip.ts'
import type { Endpoint } from './server.ts'
import type { Upstream } from './upstream.ts'

/** How often the file is looked at, at most, and only when something is asked. */
const LOOK_AGAIN_MS = 5_000
const DNS_PORT = 53

/** Nameservers of the file; none while it can't be read. */
export function hostUpstreams(path: string, clock: Clock): () => readonly Upstream[] {
  let lookAgainMs = Number.NEGATIVE_INFINITY
  let changedMs = Number.NaN
  let upstreams: readonly Upstream[] = []
  return () => {
    if (clock.now() < lookAgainMs) return upstreams
    lookAgainMs = clock.now() + LOOK_AGAIN_MS
    try {
      const { mtimeMs } = statSync(path)
      if (mtimeMs === changedMs) return upstreams
      changedMs = mtimeMs
      const { nameservers } = parseResolvConf(readFileSync(path, 'utf8'))
      upstreams = nameservers.map((address) => ({ address, port: DNS_PORT }))
    } catch {
      changedMs = Number.NaN
      upstreams = []
    }
    return upstreams
  }
}

const WILDCARDS = ['0.0.0.0', '::']

/** Those that aren't us: not an endpoint that we listen on, nor a Service address, which leads back here. */
export function withoutOurselves(
  upstreams: readonly Upstream[],
  bound: readonly Endpoint[],
  isServiceAddress: AddressTest,
): Upstream[] {
  return upstreams.filter(({ address, port }) => {
    if (isServiceAddress(address)) return false
    return !bound.some(
      (own) => own.port === port && (own.address === address || (WILDCARDS.includes(own.address) && isLocal(address))),
    )
  })
}

function isLocal(address: string): boolean {
  if (address.startsWith('127.') || address === '::1') return true
  return Object.values(networkInterfaces()).some((list) => list?.some((own) => own.address === address))
}
