// `skiff kubeconfig`: prints the admin's kubeconfig, made by `up`.
import { existsSync, readFileSync } from 'node:fs'
import { CliError, type Flags } from './config.ts'
import { existingCluster } from './settings-file.ts'

export async function run(flags: Flags): Promise<number> {
  const { files } = existingCluster(flags)
  if (!existsSync(files.kubeconfig)) throw new CliError(`${files.kubeconfig} is missing: "skiff up" makes it again`)
  process.stdout.write(readFileSync(files.kubeconfig, 'utf8'))
  return 0
}
