// Small measuring tools: percentiles, what /proc says of processes, running commands.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface Row {
  what: string
  value: number
  unit: string
  /** What it is compared with: the raw operation, a peer, or what is known of Kubernetes. */
  beside?: string
  target?: string
  met?: boolean
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)]!
}
export const median = (values: readonly number[]) => percentile(values, 50)

/** Runs a command to its end. @throws Error with its output when it fails or takes longer than a minute. */
export function sh(file: string, args: readonly string[], env: Record<string, string> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 64 << 20,
    timeout: 60_000,
  })
  if (error) throw error
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

export async function timed<T>(work: () => Promise<T> | T): Promise<{ ms: number; result: T }> {
  const began = performance.now()
  const result = await work()
  return { ms: performance.now() - began, result }
}

/** All processes whose command line contains `mark`, this one and its shells left out. */
export function processesOf(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return line.includes(mark) && !line.includes('bench.ts')
      } catch {
        return false
      }
    })
}

/** Of a process's memory, its share: pages that several processes map count a fraction for each. */
export function pssBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) * 1024
}
/** User and system time in ms, from clock ticks of 10 ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
/** Bytes that the process has caused to be written to the disk. */
export function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1])
}

export function table(rows: readonly Row[]): string {
  const cells = rows.map((r) => [
    r.what,
    `${r.value >= 100 ? Math.round(r.value) : Math.round(r.value * 100) / 100} ${r.unit}`,
    r.beside ?? '',
    r.target ?? '',
    r.met === undefined ? '' : r.met ? 'yes' : 'no',
  ])
  const head = ['measured', 'Skiff', 'beside, in the same run', 'target', 'met']
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...cells.map(line)].join('\n')
}
