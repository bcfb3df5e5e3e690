// What every process tells of itself in /metrics: time, memory, files, version. Read when somebody asks.
import { readdirSync, readFileSync } from 'node:fs'
import { formatFamily, labelText } from '../base/metrics-text.ts'
import { VERSION_INFO } from './version.ts'

export function processMetrics(startedMs: number, nowMs: number): string {
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  const single = (name: string, type: 'counter' | 'gauge', help: string, value: number | undefined) =>
    value === undefined ? '' : formatFamily({ name, type, help }, [`${name} ${value}`])
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } = VERSION_INFO
  const build = {
    build_date: buildDate,
    compiler,
    git_commit: gitCommit,
    git_tree_state: gitTreeState,
    git_version: gitVersion,
    go_version: goVersion,
    major,
    minor,
    platform,
  }
  const info = { name: 'kubernetes_build_info', type: 'gauge', help: 'The version that is served.' } as const
  return [
    single('process_cpu_seconds_total', 'counter', 'CPU time spent.', (cpu.user + cpu.system) / 1e6),
    single('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory.rss),
    single('process_virtual_memory_bytes', 'gauge', 'Virtual memory.', virtualMemoryBytes()),
    single('process_start_time_seconds', 'gauge', 'When the server started.', startedMs / 1000),
    single('process_open_fds', 'gauge', 'Open files.', openFiles()),
    single('process_max_fds', 'gauge', 'How many files may be open.', mostFiles()),
    single('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', memory.heapUsed),
    single('process_uptime_seconds', 'gauge', 'For how long it has been running.', (nowMs - startedMs) / 1000),
    formatFamily(info, [`${info.name}${labelText(build)} 1`]),
  ].join('')
}

/** Undefined where the system has no /proc. */
function ofProc<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const PAGE_BYTES = 4096
const virtualMemoryBytes = () =>
  ofProc(() => Number(readFileSync('/proc/self/statm', 'utf8').split(' ', 1)[0]) * PAGE_BYTES)
const openFiles = () => ofProc(() => readdirSync('/proc/self/fd').length)
const mostFiles = () =>
  ofProc(() => Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]) || 0)
