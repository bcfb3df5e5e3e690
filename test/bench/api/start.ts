// How long a start takes, and what the control plane holds when nothing happens.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { median } from '../measure.ts'
import type { ApiBench } from './bench.ts'
import { freePort, startSkiff } from './processes.ts'

const SETTLE_MS = 5000

export async function measureStartAndIdle({ directory, rows, quick }: ApiBench): Promise<void> {
  const dataDir = join(directory, 'start')
  const port = await freePort()
  const starts: number[] = []
  for (let i = 0; i < (quick ? 3 : 6); i++) {
    const server = await startSkiff(dataDir, port)
    // The first makes certificates and the database.
    if (i > 0) starts.push(server.startMs)
    await server.stop()
  }
  rows.push({
    what: 'start → /readyz, median',
    value: median(starts),
    unit: 'ms',
    target: '≤ 500 ms',
    met: median(starts) <= 500,
  })
  const server = await startSkiff(dataDir, port)
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const { residentMb, privateMb } = memoryOf(server.pid)
  await server.stop()
  const beside = `of which private ${Math.round(privateMb)} MB; the rest is Node's program`
  rows.push({
    what: 'idle memory, resident',
    value: residentMb,
    unit: 'MB',
    beside,
    target: '≤ 90 MB',
    met: residentMb <= 90,
  })
}

export function memoryOf(pid: number): { residentMb: number; privateMb: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const megabytes = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024) / 1e6
  return { residentMb: megabytes('Rss'), privateMb: megabytes('Private_Dirty') + megabytes('Private_Clean') }
}
