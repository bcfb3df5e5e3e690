// The files about access are read again when they change: without a restart, and without asking the disk now and then. What can't be
// understood is logged, and what was understood last goes on to hold. k8s: of kube-apiserver's files, these two.
import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { ApiServer } from '../apiserver/server.ts'
import type { Timer } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { type AccessFiles, type AccessParts, accessOptions } from './access-config.ts'

/** An editor writes a file in several steps. */
const SETTLE_MS = 100

/** Returns what ends it. */
export function keepAccess(
  ctx: Ctx,
  files: AccessFiles,
  parts: AccessParts,
  server: Pick<ApiServer, 'useAccess'>,
): () => void {
  const watched = [files.authenticationConfig, files.authorizationConfig].filter((path) => path !== '')
  let last = contents(watched)
  let timer: Timer | undefined
  let work = Promise.resolve()
  const reload = async () => {
    const now = contents(watched)
    if (now === last) return
    last = now
    try {
      // k8s: static tokens hold until a restart.
      server.useAccess(await accessOptions({ ...files, tokenAuthFile: '' }, parts))
      ctx.log.info({ files: watched }, 'access configuration reloaded')
    } catch (err) {
      ctx.log.error({ err }, 'access configuration not reloaded')
    }
  }
  const onChange = () => {
    timer?.cancel()
    timer = parts.clock.after(SETTLE_MS, () => {
      work = work.then(reload)
    })
  }
  const watchers: FSWatcher[] = []
  // The folder and not the file: many write a new file beside the old one and rename it.
  for (const folder of new Set(watched.map((path) => dirname(path)))) {
    const watcher = watch(folder, { persistent: false }, onChange)
    watcher.on('error', (err) => ctx.log.warn({ err, folder }, 'changes of the access configuration are not seen'))
    watchers.push(watcher)
  }
  return () => {
    timer?.cancel()
    for (const watcher of watchers) watcher.close()
  }
}

function contents(paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return ''
      }
    })
    .join('\0')
}
