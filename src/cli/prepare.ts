// `skiff prepare`: what `up` does before it starts the processes: directories, certificates, kubeconfig, settings. The permanent install
// runs it before the server; the processes are systemd's from then on.
import { mkdirSync, writeFileSync } from 'node:fs'
import { supervisorPid } from './cluster-process.ts'
import { CliError, type Config, type Flags } from './config.ts'
import { type Paths, paths } from './paths.ts'
import { clusterConfig, saveSettings } from './settings-file.ts'

export async function run(flags: Flags): Promise<number> {
  const config = clusterConfig(flags)
  const files = paths(config.dataDir)
  if (supervisorPid(files) !== undefined)
    throw new CliError(`the cluster in ${config.dataDir} was started by "skiff up": run "skiff down" first`)
  await prepare(config, files)
  writeFileSync(files.systemd, 'skiff-server.service skiff-agent.service\n')
  return 0
}

/** Idempotent. Renews what is about to expire. @throws CliError */
export async function prepare(config: Config, files: Paths): Promise<void> {
  makeDirectories(config, files)
  const { ensureCredentials } = await import('./credentials.ts')
  await ensureCredentials(config, files)
  saveSettings(files, config)
}

export function makeDirectories(config: Config, files: Paths): void {
  try {
    for (const dir of [files.run, files.logs]) mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (err) {
    throw new CliError(
      `cannot make the data directory ${config.dataDir}: ${(err as Error).message}; choose another with --data-dir`,
    )
  }
}
