// The pod network of one cluster on one engine: a user-defined Docker bridge network, so that the engine keeps the bridge, masquerading and
// forwarding in order. Pods are put on that bridge in one of two ways:
//   direct  the sandbox is created without a network, and a veth pair is added here. Used as root in the engine's own network namespace.
//           Saves the engine's slowest step, and resolv.conf names the cluster's DNS instead of the engine's own resolver.
//   engine  Docker attaches it, with the address that we chose. For pods with host ports (Docker publishes them), and everywhere else.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError } from '../cri/runtime.ts'
import { AddressPool, macOf, prefixLength } from './addresses.ts'
import { type Engine, isRuntimeError, statusCodeOf } from './engine.ts'

const run = promisify(execFile)

export interface PodNetworkConfig {
  /** Docker's name for it: `skiff-<cluster>`. */
  name: string
  /** The node's pod CIDR. */
  subnet: string
  /** At most 15 bytes. */
  bridge: string
  gateway: string
}

export class PodNetwork {
  readonly #engine: Engine
  readonly config: PodNetworkConfig
  readonly addresses: AddressPool
  #ready: Promise<boolean> | undefined

  constructor(engine: Engine, config: PodNetworkConfig) {
    this.#engine = engine
    this.config = config
    this.addresses = new AddressPool(config.subnet, [config.gateway])
  }

  /** Creates it unless it is there. The result says whether pods can be attached directly. */
  ensure(ctx: Ctx): Promise<boolean> {
    this.#ready ??= this.#ensure(ctx).catch((err) => {
      this.#ready = undefined
      throw err
    })
    return this.#ready
  }
  /** Look again next time: somebody may have removed it. */
  forget(): void {
    this.#ready = undefined
  }

  async #ensure(ctx: Ctx): Promise<boolean> {
    const { name, subnet, gateway, bridge } = this.config
    const found = await this.#engine
      .call(ctx, (docker) => docker.getNetwork(name).inspect())
      .catch((err) => (isRuntimeError(err, 'NotFound') ? undefined : Promise.reject(err)))
    const current = found?.IPAM?.Config?.[0]?.Subnet
    if (found && current !== subnet) {
      if (Object.keys(found.Containers ?? {}).length > 0)
        throw new RuntimeError('InvalidArgument', `network ${name} has subnet ${current}, not ${subnet}, and is in use`)
      await this.#engine.callIdempotent(ctx, (docker, abortSignal) => docker.getNetwork(name).remove({ abortSignal }))
    }
    if (!found || current !== subnet) await this.#create(ctx)
    await this.#allowForwarding('-I')
    this.#engine.log.debug({ network: name, subnet, gateway, bridge }, 'pod network ready')
    return this.#canAttach()
  }

  async #create(ctx: Ctx): Promise<void> {
    const { name, subnet, gateway, bridge } = this.config
    try {
      await this.#engine.call(ctx, (docker, abortSignal) =>
        docker.createNetwork({
          Name: name,
          Driver: 'bridge',
          CheckDuplicate: true,
          IPAM: { Config: [{ Subnet: subnet, Gateway: gateway }] },
          Options: { 'com.docker.network.bridge.name': bridge },
          Labels: { 'skiff.cluster': this.#engine.cluster },
          abortSignal,
        }),
      )
    } catch (err) {
      if (statusCodeOf(err) !== 409) throw err
    }
  }

  /** Docker drops what comes to a bridge from elsewhere (NodePorts, other nodes) unless its DOCKER-USER chain accepts it. */
  async #allowForwarding(verb: '-I' | '-D'): Promise<void> {
    if (process.getuid?.() !== 0) return
    for (const direction of ['-i', '-o']) {
      const rule = [
        'DOCKER-USER',
        direction,
        this.config.bridge,
        '-m',
        'comment',
        '--comment',
        this.config.name,
        '-j',
        'ACCEPT',
      ]
      const present = await run('iptables', ['-w', '-C', ...rule]).then(
        () => true,
        () => false,
      )
      if (present === (verb === '-D'))
        await run('iptables', ['-w', verb, ...rule]).catch((err) =>
          this.#engine.log.warn(
            { err, bridge: this.config.bridge },
            'cannot change the forwarding rules of the pod network',
          ),
        )
    }
  }

  /** Root, the engine's bridge in our own network namespace, and the tools. */
  async #canAttach(): Promise<boolean> {
    if (process.getuid?.() !== 0) return false
    try {
      await run('nsenter', ['--net=/proc/self/ns/net', 'ip', 'link', 'show', 'dev', this.config.bridge])
      return true
    } catch (err) {
      this.#engine.log.info({ err }, 'pods are attached to the network by the engine, which is slower')
      return false
    }
  }

  /** Puts the sandbox whose first process is `pid` on the bridge. When it ends, the kernel removes the pair again. */
  async attach(ctx: Ctx, sandboxId: string, pid: number, address: string): Promise<void> {
    const cgroups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')
    if (!cgroups.includes(sandboxId))
      throw new RuntimeError('Unknown', `process ${pid} is not the sandbox's: it has ended`)
    const { bridge, gateway, subnet } = this.config
    const host = `sk${sandboxId.slice(0, 12)}`
    try {
      await run(
        'sh',
        [
          '-ec',
          ATTACH,
          'attach',
          host,
          bridge,
          String(pid),
          address,
          String(prefixLength(subnet)),
          gateway,
          macOf(address),
        ],
        {
          signal: ctx.signal,
        },
      )
    } catch (err) {
      ctx.signal.throwIfAborted()
      const said = (err as { stderr?: string }).stderr?.trim()
      throw new RuntimeError('Unknown', `cannot attach the sandbox to ${bridge}: ${said || (err as Error).message}`, {
        cause: err,
      })
    }
  }

  async remove(ctx: Ctx): Promise<void> {
    this.forget()
    const { name } = this.config
    const found = await this.#engine
      .call(ctx, (docker) => docker.getNetwork(name).inspect())
      .catch((err) => (isRuntimeError(err, 'NotFound') ? undefined : Promise.reject(err)))
    for (const Container of Object.keys(found?.Containers ?? {}))
      await this.#engine.callIdempotent(ctx, (docker) => docker.getNetwork(name).disconnect({ Container, Force: true }))
    if (found)
      await this.#engine.callIdempotent(ctx, (docker, abortSignal) => docker.getNetwork(name).remove({ abortSignal }))
    await this.#allowForwarding('-D')
  }
}

// hairpin: a pod that reaches itself through a Service goes out and in by the same port of the bridge.
// IPv6 is off, as Docker has it on networks without IPv6 (hairpin would also break its duplicate address detection).
const ATTACH = `
ip -batch - <<EOF
link add $1 type veth peer name eth0 address $7 netns $3
link set $1 up master $2
link set $1 type bridge_slave hairpin on
EOF
exec nsenter --net=/proc/$3/ns/net sh -ec '
[ ! -e /proc/sys/net/ipv6/conf/eth0/disable_ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
exec ip -batch - <<EOF
addr add $1/$2 dev eth0
link set lo up
link set eth0 up
route add default via $3
EOF' configure $4 $5 $6
`
