// What the proxy wants the kernel (or the userspace forwarder) to do, as plain data. `serviceTable` decides it from Services and
// EndpointSlices; a Dataplane makes it so, touching only what changed. Every dataplane passes dataplane-suite.ts.
import type { Ctx } from '../../base/ctx.ts'

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export interface Backend {
  /** IPv4 or IPv6 address and port of a ready endpoint (or of a terminating one that still serves, when no other is left). */
  ip: string
  port: number
  /** On this node. */
  local: boolean
}

/** One port of one Service and every address by which it can be reached. */
export interface ServicePortRule {
  /** `namespace/name:port`, unique and stable. */
  id: string
  protocol: Protocol
  /** Cluster addresses and the service port; empty for headless. External and load balancer addresses are further entries. */
  virtualIPs: readonly { ip: string; port: number /** externalTrafficPolicy: Local applies */; external: boolean }[]
  /** 0 for none. On every address of the node. */
  nodePort: number
  /** Used by traffic from inside the cluster (already reduced by internalTrafficPolicy). In a stable order. */
  backends: readonly Backend[]
  /** Used by traffic to node ports and external addresses (already reduced by externalTrafficPolicy). */
  externalBackends: readonly Backend[]
  /** externalTrafficPolicy: Local keeps the client's address; otherwise external traffic is masqueraded. */
  preserveClientIP: boolean
  /** 0: none; else ClientIP affinity with this timeout. */
  affinitySeconds: number
  /** loadBalancerSourceRanges; empty: everyone. */
  sourceRanges: readonly string[]
}

/** A Service port without any backend is rejected, not dropped. */
export interface ServiceTable {
  rules: ReadonlyMap<string, ServicePortRule>
}

export interface Dataplane {
  /** What stands in logs and in `skiff status`: `nftables` or `userspace`. */
  readonly name: string
  /**
   * Makes the table so, atomically for each call; the cost is that of the difference to the previous call. Rejects when the kernel
   * refuses; the previous table then still holds, and the next call starts over from the kernel's real state.
   */
  apply(ctx: Ctx, table: ServiceTable): Promise<void>
  /** Removes everything this dataplane ever made. Idempotent. Not called on a normal stop: Services go on while the agent restarts. */
  remove(ctx: Ctx): Promise<void>
}
