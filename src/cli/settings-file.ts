// cluster.json in the data directory: the settings that the cluster was last started with, so that later commands need only --data-dir.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { CliError, type Config, defaultDataDir, type Flags, parseFlags, resolveConfig, toFlags } from './config.ts'
import { type Paths, paths } from './paths.ts'

export function saveSettings(files: Paths, config: Config): void {
  writeFileSync(files.settings, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
}

/** The flags, with what the cluster was started with below them. */
export function savedFlags(flags: Flags, env: NodeJS.ProcessEnv = process.env): Flags {
  // Where the data directory is decides what is saved, so it is found first.
  const dataDir = flags.values.get('data-dir') ?? env['SKIFF_DATA_DIR']
  const file = paths(resolve(dataDir ?? defaultDataDir())).settings
  if (!existsSync(file)) return flags
  let saved: Config
  try {
    saved = JSON.parse(readFileSync(file, 'utf8')) as Config
  } catch (err) {
    throw new CliError(
      `${file} cannot be read (${(err as Error).message}): repair it, or remove it to start with the default settings`,
    )
  }
  const values = new Map(parseFlags(toFlags(saved)).values)
  for (const flag of values.keys())
    if (env[`SKIFF_${flag.toUpperCase().replaceAll('-', '_')}`] !== undefined) values.delete(flag)
  for (const [flag, value] of flags.values) values.set(flag, value)
  return { ...flags, values }
}

/** For commands about a cluster that must exist. @throws CliError when it was never started. */
export async function existingCluster(flags: Flags): Promise<{ config: Config; files: Paths }> {
  const config = await resolveConfig(savedFlags(flags))
  const files = paths(config.dataDir)
  if (!existsSync(files.settings))
    throw new CliError(
      `there is no cluster in ${config.dataDir}: start one with "skiff up", or name its directory with --data-dir`,
    )
  return { config, files }
}
