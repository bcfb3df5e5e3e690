// Removes from this machine everything that a cluster's agent made: containers, network, rules, mounts.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createDockerRuntime } from '../agent/docker/docker-runtime.ts'
import { systemClock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { silentLogger } from '../base/log.ts'
import { createNftablesDataplane, nftablesWorks } from '../proxy/services/nftables.ts'
import { CliError, type Config, socketPath } from './config.ts'
import { ping } from './docker-engine.ts'
import { nodeNetwork } from './node-network.ts'
import type { Paths } from './paths.ts'

/**
 * Idempotent. A step that fails does not keep the others from being done.
 * @returns what could not be done, for the progress line; empty when all was.
 * @throws CliError with what failed; another run goes on from there.
 */
export async function cleanNode(config: Config, files: Paths, signal: AbortSignal): Promise<string> {
  const ctx: Ctx = { signal, log: silentLogger }
  const { podNetwork, podCIDR, nftTable } = nodeNetwork(config)
  const hasEngine = await ping(socketPath(config))
  const steps: Record<string, () => void | Promise<void>> = {
    'containers and network': () => (hasEngine ? removeContainers(ctx, config) : undefined),
    rules: async () => {
      if (!(await nftablesWorks(ctx))) return
      await createNftablesDataplane({ table: nftTable, podCIDR, bridge: podNetwork.bridge }).remove(ctx)
    },
    mounts: () => unmountBelow(files.agent),
  }
  const failures: string[] = []
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step()
    } catch (err) {
      signal.throwIfAborted()
      failures.push(`${name}: ${(err as Error).message}`)
    }
  }
  if (failures.length > 0)
    throw new CliError(`not everything could be removed (${failures.join('; ')}): run "skiff down" again`)
  return hasEngine ? '' : 'no Docker Engine answers: what it holds is removed by the next down'
}

async function removeContainers(ctx: Ctx, config: Config): Promise<void> {
  const { podNetwork } = nodeNetwork(config)
  const options = { cluster: config.name, podNetwork, log: silentLogger, clock: systemClock }
  const docker = createDockerRuntime({ socket: config.dockerHost, ...options })
  try {
    await docker.removeAll(ctx)
  } finally {
    docker.close()
  }
}

/** Volumes in memory (Secrets, tokens) are mounts of their own. */
function unmountBelow(dir: string): void {
  const umount = (...args: string[]) => spawnSync('umount', args, { encoding: 'utf8' })
  for (const mount of mountsBelow(dir, readFileSync('/proc/self/mounts', 'utf8'))) {
    if (umount(mount).status === 0) continue
    const { status, stderr } = umount('-l', mount) // a container that is still ending holds it for a moment
    if (status !== 0) throw new CliError(stderr.trim())
  }
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
