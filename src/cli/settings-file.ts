// cluster.json in the data directory: the settings that the cluster was last started with, so that later commands need only --data-dir.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'

import { CliError, type Config, type Flags, resolveConfig, type SavedSettings } from './config.ts'
import { type Paths, paths } from './paths.ts'

export function saveSettings(files: Paths, config: Config): void {
  writeFileSync(files.settings, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
}

/** @throws CliError when the file cannot be read. */
function savedSettings(dataDir: string): SavedSettings | undefined {
  const file = paths(dataDir).settings
  if (!existsSync(file)) return undefined
  try {
    const values: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof values !== 'object' || values === null || Array.isArray(values)) throw new Error('it is not an object')
    return { file, values: values as Record<string, unknown> }
  } catch (err) {
    throw new CliError(
      `${file} cannot be read (${(err as Error).message}): repair it, or remove it to start with the default settings`,
    )
  }
}

/** The settings of a cluster that may have been started before. @throws CliError */
export const clusterConfig = (flags: Flags, env: NodeJS.ProcessEnv = process.env): Config =>
  resolveConfig(flags, env, savedSettings)

/** For commands about a cluster that must exist. @throws CliError when it was never started. */
export function existingCluster(flags: Flags): { config: Config; files: Paths } {
  const config = clusterConfig(flags)
  const files = paths(config.dataDir)
  if (!existsSync(files.settings))
    throw new CliError(
      `there is no cluster in ${config.dataDir}: start one with "skiff up", or name its directory with --data-dir`,
    )
  return { config, files }
}
