// `npm run bench`: the figures of docs/benchmarks.md, measured in one run on this machine, on a test host of its own (root needed).
// Prints a table and writes bench-<date>.json. `npm run bench -- pods api` measures only those parts.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { startHost } from '../e2e/host.ts'
import { type Row, table } from './measure.ts'
import { measureApi } from './parts/api.ts'
import { measureDeployment } from './parts/deployment.ts'
import { measureIdle } from './parts/idle.ts'
import { measurePods } from './parts/pods.ts'
import { measureStart } from './parts/start.ts'

export interface Bench {
  dataDir: string
  dockerSocket: string
  /** Runs the launcher. */
  skiff(...args: string[]): void
  flags: string[]
  rows: Row[]
}

/** In the order they are run: `start` leaves a running cluster behind for the others. */
const parts: Record<string, (bench: Bench) => Promise<void>> = {
  start: measureStart,
  idle: measureIdle,
  pods: measurePods,
  deployment: measureDeployment,
  api: measureApi,
}

const root = join(import.meta.dirname, '../..')
const socket = process.env['SKIFF_BENCH_SOCKET']
if (socket === undefined) {
  // Outside: make the host, and run this file again inside its network namespace. A signal reaches both; the host goes in any case.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(1))
  const host = startHost('bench')
  const inner = spawnSync(
    join(root, 'test/testbed/host.sh'),
    ['run', host.name, process.execPath, import.meta.filename, ...process.argv.slice(2)],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        SKIFF_TESTBED_DIR: host.dir,
        SKIFF_BENCH_SOCKET: host.dockerHost,
        SKIFF_BENCH_DIR: host.dir,
      },
    },
  )
  host.stop()
  process.exitCode = inner.status ?? 1
} else {
  const dataDir = join(process.env['SKIFF_BENCH_DIR']!, 'cluster')
  const flags = ['--data-dir', dataDir, '--docker-host', socket, '--node-name', 'bench']
  const bench: Bench = {
    dataDir,
    dockerSocket: socket.slice('unix://'.length),
    flags,
    rows: [],
    skiff: (...args) => {
      const { status, stdout, stderr } = spawnSync(join(root, 'skiff'), [...args, ...flags], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`skiff ${args.join(' ')}: ${stderr}${stdout}`)
    },
  }
  const end = () => bench.skiff('down', '--purge')
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      end()
      process.exit(1)
    })
  const wanted = process.argv.slice(2)
  try {
    for (const [name, measure] of Object.entries(parts)) {
      if (wanted.length > 0 && name !== 'start' && !wanted.includes(name)) continue
      const before = bench.rows.length
      await measure(bench)
      for (const row of bench.rows.slice(before))
        console.error(
          `  ${row.what}: ${Math.round(row.value * 100) / 100} ${row.unit}${row.beside ? ` (${row.beside})` : ''}`,
        )
    }
  } finally {
    end()
  }
  const date = new Date().toISOString().slice(0, 10)
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`
  console.log(`${date}, ${machine}\n\n${table(bench.rows)}`)
  writeFileSync(`bench-${date}.json`, `${JSON.stringify({ date, machine, rows: bench.rows }, null, 2)}\n`)
}
