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
  for (const mount of mountsBelow(dir, readFileSync('/proc/self/mounts', 'utf8'))) spawnSync('umount', [mount])
}

/** @param table as in /proc/self/mounts. @returns mount points, the innermost and newest first. */
export function mountsBelow(dir: string, table: string): string[] {
  return table
    .split('\n')
    .map((line) => unescaped(line.split(' ')[1] ?? ''))
    .filter((path) => path.startsWith(`${dir}/`))
    .reverse()
}

/** The kernel writes a space, a tab, a line's end and a backslash as three octal digits. */
const unescaped = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
