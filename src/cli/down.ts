// `skiff down`: ends the processes, then removes every container, network, rule and mount that this cluster made.
// Works from what is there (pid files, labels, the rules' names), so that it also cleans up after a crash.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { endLeftovers, livePid, stopSupervisor } from './cluster-process.ts'
import { CliError, type Config, type Flags, socketPath } from './config.ts'
import { ping } from './docker-engine.ts'
import type { Paths } from './paths.ts'
import { interruptible, phase } from './progress.ts'
import { existingCluster } from './settings-file.ts'

export async function run(flags: Flags): Promise<number> {
  const signal = interruptible('run "skiff down" again for the rest')
  const { config, files } = existingCluster(flags)
  await phase('processes', () => stopProcesses(files))
  await phase('containers, network and rules', async (note) => {
    const { cleanNode } = await import('./clean-node.ts')
    note(await cleanNode(config, files, signal))
  })
  await stopOwnEngine(config, files)
  if (flags.switches.has('purge')) {
    await phase('data', async () => removeData(files))
    process.stdout.write(`Removed, with its data in ${files.dataDir}.\n`)
  } else {
    process.stdout.write(
      `Stopped. The data is kept in ${files.dataDir}: "skiff up" starts the cluster again, "skiff down --purge" removes it.\n`,
    )
  }
  return 0
}

/** The settings last: as long as something is left, `down --purge` can be run again. @throws CliError */
function removeData(files: Paths): void {
  try {
    for (const name of readdirSync(files.dataDir))
      if (name !== basename(files.settings)) rmSync(join(files.dataDir, name), { recursive: true, force: true })
    rmSync(files.dataDir, { recursive: true, force: true })
  } catch (err) {
    throw new CliError(`${files.dataDir} cannot be removed: ${(err as Error).message}`)
  }
}

async function stopProcesses(files: Paths): Promise<void> {
  await stopSupervisor(files)
  // What systemd started, or a killed supervisor left behind. systemd doesn't start again what ends by SIGTERM.
  await endLeftovers(files)
}

/** The Engine that `up` started by hand ends with the cluster, unless somebody else's containers run in it. */
async function stopOwnEngine(config: Config, files: Paths): Promise<void> {
  const pid = existsSync(files.dockerPid) ? livePid(files.dockerPid, 'dockerd') : undefined
  if (pid === undefined) return rmSync(files.dockerPid, { force: true })
  await phase('the Docker Engine that was started by hand', async (note) => {
    const { default: Docker } = await import('dockerode')
    const running = (await ping(socketPath(config)))
      ? await new Docker({ socketPath: socketPath(config) }).listContainers()
      : []
    if (running.length > 0) return note(`left running: it has ${running.length} other containers`)
    process.kill(pid, 'SIGTERM')
    await untilGone(pid, 'dockerd')
    rmSync(files.dockerPid, { force: true })
  })
}

/** A process that is not our child tells nobody when it ends; this looks, for at most 20 s. */
async function untilGone(pid: number, name: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    try {
      if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) return
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new CliError(`process ${pid} (${name}) does not end: end it by hand`)
}
