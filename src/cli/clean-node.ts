// Removes from this machine everything that a cluster's agent made: containers, network, rules, mounts.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createDockerRuntime } from '../agent/docker/docker-runtime.ts'
import { systemClock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { silentLogger } from '../base/log.ts'
import { createNftablesDataplane, nftablesWorks } from '../proxy/services/nftables.ts'
import { type Config, socketPath } from './config.ts'
import { ping } from './docker-engine.ts'
import { nodeNetwork } from './node-network.ts'
import type { Paths } from './paths.ts'

/** Idempotent. @returns what could not be done, for the progress line; empty when all was. */
export async function cleanNode(config: Config, files: Paths, signal: AbortSignal): Promise<string> {
  const ctx: Ctx = { signal, log: silentLogger }
  const { podNetwork, podCIDR, nftTable } = nodeNetwork(config)
  let note = ''
  if (await ping(socketPath(config))) {
    const docker = createDockerRuntime({
      socket: config.dockerHost,
      cluster: config.name,
      podNetwork,
      log: silentLogger,
      clock: systemClock,
    })
    await docker.removeAll(ctx)
    docker.close()
  } else note = 'no Docker Engine answers: what it holds is removed by the next down'
  if (await nftablesWorks(ctx))
    await createNftablesDataplane({ table: nftTable, podCIDR, bridge: podNetwork.bridge }).remove(ctx)
  unmountBelow(files.agent)
  return note
}

/** Volumes in memory (Secrets, tokens) are mounts of their own. */
function unmountBelow(dir: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  for (const mount of mounts.filter((path) => path.startsWith(`${dir}/`)).reverse()) spawnSync('umount', [mount])
}
