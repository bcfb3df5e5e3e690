// The keys of service accounts' tokens: replaced by `skiff rotate service-account-key`, taken over by the running server on SIGUSR2.
import type { ApiServer } from '../apiserver/server.ts'
import type { Ctx } from '../base/ctx.ts'
import { type Pki, PkiError, rotateTokenKey } from '../base/pki.ts'
import { livePid } from './cluster-process.ts'
import { CliError } from './config.ts'
import type { Paths } from './paths.ts'

/** Tokens that are out stay valid until they expire: the old key goes on verifying. @throws CliError */
export async function rotateServiceAccountKey(files: Paths): Promise<void> {
  let retired: string
  try {
    retired = await rotateTokenKey(files.pki)
  } catch (err) {
    throw err instanceof PkiError ? new CliError(err.message) : err
  }
  const pid = livePid(files.pid('server'), files.dataDir)
  if (pid !== undefined) process.kill(pid, 'SIGUSR2')
  const when = pid === undefined ? 'when the cluster starts' : 'from now on'
  process.stdout.write(
    `a new key signs service accounts' tokens ${when}; ${retired} still verifies the old ones: remove it to end them\n`,
  )
}

/** Returns what ends it. */
export function reloadTokenKeysWhenTold(ctx: Ctx, pki: Pki, server: ApiServer): () => void {
  const reload = async () => {
    try {
      await pki.reloadTokenKeys()
      server.tokens?.useKeys(pki.tokenKeys)
      ctx.log.info({ retired: pki.tokenKeys.retired.length }, 'token keys reloaded')
    } catch (err) {
      ctx.log.error({ err }, 'token keys not reloaded')
    }
  }
  const onSignal = () => void reload()
  process.on('SIGUSR2', onSignal)
  return () => process.off('SIGUSR2', onSignal)
}
