// Which of a cluster's processes run, from the pid files below its data directory; and waiting for them by file events, not by polling.
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import type { Paths } from './paths.ts'

/** The pid in a file, if that process lives and its command line mentions `mark` (a pid may have been given to somebody else). */
export function livePid(file: string, mark: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim())
    if (!Number.isInteger(pid) || pid <= 1) return undefined
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return commandLine.includes(mark) ? pid : undefined
  } catch {
    return undefined
  }
}

export const supervisorPid = (files: Paths) => livePid(files.supervisorPid, files.dataDir)

export type Component = 'server' | 'agent'

/** Who starts the processes again when they end; undefined when nothing runs. */
export function runBy(files: Paths): 'supervisor' | 'systemd' | undefined {
  if (supervisorPid(files) !== undefined) return 'supervisor'
  const isAlive = (component: Component) => livePid(files.pid(component), files.dataDir) !== undefined
  return existsSync(files.systemd) && (isAlive('server') || isAlive('agent')) ? 'systemd' : undefined
}

/** Where a user reads what a component has to say. */
export const logOf = (files: Paths, component: Component) =>
  existsSync(files.systemd) ? `"journalctl -u skiff-${component}"` : files.log(component)

/** At the beginning of a component; the supervisor writes the same, systemd does not. */
export function writePid(files: Paths, component: Component): void {
  mkdirSync(files.run, { recursive: true, mode: 0o700 })
  rmSync(files.ready(component), { force: true })
  writeFileSync(files.pid(component), `${process.pid}\n`)
}

/** Written by a component when it serves. */
export function writeReady(files: Paths, component: Component): void {
  writeFileSync(files.ready(component), `${process.pid}\n`)
}

/** Resolves once `condition` holds, looking again whenever something changes in `dir`. @returns false when time ran out first. */
export function whenFilesSay(dir: string, condition: () => boolean, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (result: boolean) => {
      clearTimeout(timer)
      watcher.close()
      resolve(result)
    }
    const watcher = watch(dir, () => condition() && finish(true))
    watcher.on('error', () => finish(condition()))
    const timer = setTimeout(() => finish(condition()), timeoutMs)
    if (condition()) finish(true)
  })
}

/** The last lines of a log that say something went wrong, for an error message. */
export function lastWords(file: string, lines = 5): string {
  if (!existsSync(file)) return ''
  const tail = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-40)
  const spoken = tail.map((line) => {
    try {
      const entry = JSON.parse(line) as { level: number; msg: string; err?: { message?: string } }
      return entry.level >= 40 ? `${entry.msg}${entry.err?.message ? `: ${entry.err.message}` : ''}` : undefined
    } catch {
      return line
    }
  })
  return spoken
    .filter((line) => line !== undefined)
    .slice(-lines)
    .join('\n')
}
