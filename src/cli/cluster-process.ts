// Which of a cluster's processes run, from the pid files below its data directory; and waiting for them by file events, not by polling.
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { EXIT_CONFIG, STARTING } from './component.ts'
import { CliError } from './config.ts'
import type { Paths } from './paths.ts'

const TURN_TIMEOUT_MS = 120_000

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

/** Ends what a supervisor that was killed has left behind, so that another can take its place. */
export async function endLeftovers(files: Paths): Promise<void> {
  await Promise.all(
    (['agent', 'server'] as const).map(async (component) => {
      const left = livePid(files.pid(component), files.dataDir)
      if (left !== undefined) {
        process.kill(left, 'SIGTERM')
        const isGone = () => livePid(files.pid(component), files.dataDir) !== left
        if (!(await whenFilesSay(files.run, isGone, 6000)) && !isGone()) process.kill(left, 'SIGKILL')
      }
      rmSync(files.pid(component), { force: true })
      rmSync(files.ready(component), { force: true })
    }),
  )
  rmSync(files.supervisorPid, { force: true })
}

/** Runs `work` when no other `skiff up` on the same data directory is at it; waits for that one otherwise. */
export async function inTurn<T>(files: Paths, work: () => Promise<T>): Promise<T> {
  const own = `${files.startLock}.${process.pid}`
  const isFree = () => livePid(files.startLock, 'skiff') === undefined
  writeFileSync(own, `${process.pid}\n`)
  try {
    while (!tryLink(own, files.startLock)) {
      if (!(await whenFilesSay(files.run, isFree, TURN_TIMEOUT_MS)))
        throw new CliError(`another "skiff up" on ${files.dataDir} does not come to an end: see ${files.startLock}`)
      if (existsSync(files.startLock) && isFree()) rmSync(files.startLock, { force: true }) // its owner was killed
    }
    try {
      return await work()
    } finally {
      rmSync(files.startLock, { force: true })
    }
  } finally {
    rmSync(own, { force: true })
  }
}

/** Takes the name in one step, with its content. */
function tryLink(own: string, name: string): boolean {
  try {
    linkSync(own, name)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw err
  }
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

/** What the present run of a component, or its last one, said of something going wrong, for an error message. */
export function lastWords(file: string, lines = 5): string {
  if (!existsSync(file)) return ''
  const entries = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-200).map(logEntry)
  const start = entries.findLastIndex(({ msg }) => msg === STARTING)
  return entries
    .slice(start + 1)
    .filter(({ level }) => level >= 40)
    .slice(-lines)
    .map(({ msg, err }) => (err?.message ? `${msg}: ${err.message}` : msg))
    .join('\n')
}

interface LogEntry {
  level: number
  msg: string
  err?: { message?: string }
}

/** What isn't an entry was printed by a process that ended. */
function logEntry(line: string): LogEntry {
  try {
    return JSON.parse(line) as LogEntry
  } catch {
    return { level: 60, msg: line.replace(/^skiff: /, '') }
  }
}

/** Whether a component ended by something in its configuration, which trying again does not mend. */
export function isMisconfigured(files: Paths, component: Component): boolean {
  const file = files.failed(component)
  return existsSync(file) && Number(readFileSync(file, 'utf8')) === EXIT_CONFIG
}

export async function stopSupervisor(files: Paths): Promise<void> {
  const pid = supervisorPid(files)
  if (pid === undefined) return
  process.kill(pid, 'SIGTERM')
  if (!(await whenFilesSay(files.run, () => supervisorPid(files) === undefined, 8000))) process.kill(pid, 'SIGKILL')
}
