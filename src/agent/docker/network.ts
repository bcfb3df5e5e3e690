// The pod network of one cluster on one engine: a user-defined Docker bridge network, so that the engine keeps the bridge, masquerading and
// forwarding in order. Pods come to that bridge in one of two ways:
//   entered  the pod's network namespace is made here (pod-namespaces.ts), and the sandbox's program enters it. Used as root in the engine's
//            own network namespace: a sandbox then starts in a quarter of the time, and resolv.conf names the cluster's DNS.
//   engine   Docker attaches it, with the address that we chose. For pods with host ports (Docker publishes them), and everywhere else.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError } from '../cri/runtime.ts'
import { AddressPool, prefixLength } from './addresses.ts'
import { type Engine, isRuntimeError, statusCodeOf } from './engine.ts'
import { type NamespaceSpec, PodNamespaces } from './pod-namespaces.ts'

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
  readonly namespaces: PodNamespaces
  #ready: Promise<void> | undefined
  /** Unknown until it was probed, and then only likely until the first sandbox has done it. */
  #entering: 'unknown' | 'likely' | 'proven' | 'impossible' = 'unknown'

  constructor(engine: Engine, config: PodNetworkConfig) {
    this.#engine = engine
    this.config = config
    this.addresses = new AddressPool(config.subnet, [config.gateway])
    this.namespaces = new PodNamespaces(engine.scope)
  }

  /** How sandboxes come to the network, once `ensure` has resolved. */
  get entering(): 'likely' | 'proven' | 'impossible' {
    return this.#entering === 'unknown' ? 'impossible' : this.#entering
  }
  proveEntering(): void {
    this.#entering = 'proven'
  }
  giveUpEntering(err: unknown): void {
    this.#entering = 'impossible'
    this.#engine.log.info({ err }, 'pods are attached to the network by the engine, which is slower')
  }
  namespaceSpec(address: string, sysctls: Readonly<Record<string, string>>): NamespaceSpec {
    const { subnet, gateway, bridge } = this.config
    return { address, prefixLength: prefixLength(subnet), gateway, bridge, sysctls }
  }

  /**
   * Lets pods that the engine attached reach themselves through a Service: such a packet goes out and in by the same port of the
   * bridge. Pods with namespaces of ours have it from the start. Without root it stays as it is, and only that case doesn't work.
   */
  async reflect(): Promise<void> {
    if (process.getuid?.() !== 0) return
    try {
      const { stdout } = await run('ip', ['-o', 'link', 'show', 'master', this.config.bridge])
      for (const [, port] of stdout.matchAll(/^\d+: ([^@:]+)/gm))
        await run('ip', ['link', 'set', 'dev', port!, 'type', 'bridge_slave', 'hairpin', 'on'])
    } catch (err) {
      this.#engine.log.debug({ err, bridge: this.config.bridge }, 'bridge ports stay without hairpin')
    }
  }

  /** Creates it unless it is there. */
  ensure(ctx: Ctx): Promise<void> {
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

  async #ensure(ctx: Ctx): Promise<void> {
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
    if (this.#entering !== 'unknown') return
    try {
      await this.namespaces.probe(bridge)
      this.#entering = 'likely'
    } catch (err) {
      this.giveUpEntering(err)
    }
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

  async remove(ctx: Ctx): Promise<void> {
    this.forget()
    await this.namespaces.removeAll()
    this.#entering = 'unknown'
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
