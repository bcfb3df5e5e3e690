// What the server's and the agent's processes have in common: a ctx that SIGTERM ends, a bounded stop, exit codes for the supervisor.
import type { Ctx } from '../base/ctx.ts'
import { createLogger } from '../base/log.ts'
import { GIT_VERSION, SKIFF_VERSION } from '../base/version.ts'
import { CliError } from './config.ts'

/** Trying again cannot mend it: the supervisor gives up. */
export const EXIT_CONFIG = 78
/** The first line of every run in a log: what is above it is of earlier ones. */
export const STARTING = 'starting'
/** After this, whatever still holds the process is left behind. */
const STOP_LIMIT_MS = 5000

export async function runComponent(name: string, work: (ctx: Ctx) => Promise<void>): Promise<number> {
  const log = createLogger(name)
  log.info({ version: SKIFF_VERSION, kubernetes: GIT_VERSION, pid: process.pid }, STARTING)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping')
      stop.abort(new Error(`stopped by ${signal}`))
      setTimeout(() => {
        log.error('did not stop in time')
        process.exit(1)
      }, STOP_LIMIT_MS - 500).unref()
    })
  }
  process.on('unhandledRejection', (err) => log.error({ err }, 'unhandled rejection'))
  // The clock's timers do not keep a process alive; a component that waits for its peers must live on.
  const hold = setInterval(() => {}, 2 ** 30)
  try {
    await work({ signal: stop.signal, log })
    return 0
  } catch (err) {
    if (stop.signal.aborted) return 0
    if (err instanceof CliError) throw new CliError(err.message, EXIT_CONFIG) // printed, and so in the log
    log.fatal({ err }, 'ended by an error')
    return (err as { name?: string }).name === 'StoreUnusable' ? EXIT_CONFIG : 1
  } finally {
    clearInterval(hold)
  }
}
