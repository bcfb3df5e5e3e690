// `skiff rotate encryption-key`: a new key for the Secrets in the database. The new key is put before the old ones, the server writes
// everything anew with it, and then removes the old. Cut off at any point, the key file has every key that is still in use.
// `skiff rotate service-account-key`: see token-keys.ts.
import { readFileSync } from 'node:fs'
import { addKey } from '../apiserver/storage/encryption/key-file.ts'
import { livePid, whenFilesSay } from './cluster-process.ts'
import { CliError, type Config, type Flags } from './config.ts'
import type { Paths } from './paths.ts'
import { existingCluster } from './settings-file.ts'
import { rotateServiceAccountKey } from './token-keys.ts'

const ROTATED_WITHIN_MS = 120_000

export async function run(flags: Flags): Promise<number> {
  const { config, files } = existingCluster(flags)
  if (flags.subject === 'service-account-key') await rotateServiceAccountKey(files)
  else await rotateEncryptionKey(config, files)
  return 0
}

async function rotateEncryptionKey(config: Config, files: Paths): Promise<void> {
  const path = config.encryptionProviderConfig
  if (path) {
    throw new CliError(
      `the keys are in ${path}, which is yours to change: put a new key first there, send SIGHUP to the server (pid in ${files.pid('server')}), and remove the old key when the server's log says "encryption key rotated"`,
    )
  }
  const name = await addKey(files.encryptionKeys)
  const pid = livePid(files.pid('server'), files.dataDir)
  if (pid === undefined) {
    process.stdout.write(`${name} is the new key; the database is written anew with it when the cluster starts\n`)
    return
  }
  const isDone = () => keysIn(files.encryptionKeys) === 1
  process.kill(pid, 'SIGHUP')
  if (!(await whenFilesSay(files.pki, isDone, ROTATED_WITHIN_MS))) {
    throw new CliError(
      `the server did not finish: see ${files.log('server')}; the old keys stay in ${files.encryptionKeys}`,
    )
  }
  process.stdout.write(`${name} is the key now; the old one has been removed\n`)
}

/** The file is replaced as a whole: it always reads. */
const keysIn = (path: string): number =>
  JSON.parse(readFileSync(path, 'utf8')).resources[0].providers[0].aesgcm.keys.length
