// Encryption of the database as the server process sets it up: with the cluster's own keys, or by the operator's configuration. SIGHUP
// makes it read the keys again and write everything anew with the newest; then the older ones of its own file are removed.
import { readFileSync } from 'node:fs'
import {
  EncryptionConfigError,
  type EncryptionRule,
  parseEncryptionConfiguration,
} from '../apiserver/storage/encryption/configuration.ts'
import { dropOlderKeys, rulesOf, sealerOf } from '../apiserver/storage/encryption/key-file.ts'
import { KeyedSealer } from '../apiserver/storage/encryption/sealer.ts'
import type { LevelStore } from '../apiserver/storage/leveldb.ts'
import type { Ctx } from '../base/ctx.ts'
import { loadYaml } from '../base/yaml.ts'
import { CliError, type Config } from './config.ts'
import { fileProblem } from './file-problem.ts'
import type { Paths } from './paths.ts'

/** @throws CliError or StoreUnusable naming the file */
export async function openSealer(config: Config, files: Paths): Promise<KeyedSealer> {
  const path = config.encryptionProviderConfig
  return path ? new KeyedSealer(path, await configuredRules(path, files)) : sealerOf(files.encryptionKeys)
}

/** The configuration's rules; what the cluster's own keys have sealed before is still read. */
async function configuredRules(path: string, files: Paths): Promise<EncryptionRule[]> {
  let rules: EncryptionRule[]
  try {
    rules = parseEncryptionConfiguration(loadYaml().parse(readFileSync(path, 'utf8'), { maxAliasCount: 0 }))
  } catch (err) {
    // An error of the parser quotes the text: that may be a key.
    const why = err instanceof EncryptionConfigError || 'code' in (err as object) ? fileProblem(err) : 'it is not YAML'
    const plain = (err as { name?: string }).name === 'YAMLParseError' ? 'it is not YAML' : why
    throw new CliError(`--encryption-provider-config ${path}: ${plain}`)
  }
  const own = await rulesOf(files.encryptionKeys)
  return [...rules, { resources: [], writer: undefined, readers: own.flatMap(({ readers }) => readers) }]
}

/** Brings the database to the newest key, now if the last time was cut off, and on SIGHUP. */
export function renewWhenTold(
  ctx: Ctx,
  config: Config,
  files: Paths,
  { store, sealer }: { store: LevelStore; sealer: KeyedSealer },
): { stop(): Promise<void> } {
  const path = config.encryptionProviderConfig
  let work = Promise.resolve()
  const renew = async (reload: boolean) => {
    try {
      if (reload) sealer.use(await (path ? configuredRules(path, files) : rulesOf(files.encryptionKeys)))
      const records = reload ? await store.reseal() : 0
      const removed = path ? 0 : await dropOlderKeys(files.encryptionKeys, sealer)
      if (reload || removed > 0) ctx.log.info({ records, removed }, 'encryption key rotated')
    } catch (err) {
      ctx.log.error({ err }, 'encryption key not rotated')
    }
  }
  const onHangUp = () => {
    work = work.then(() => renew(true))
  }
  work = renew(false)
  process.on('SIGHUP', onHangUp)
  return {
    stop() {
      process.off('SIGHUP', onHangUp)
      return work
    },
  }
}
