// `npm run bench:api`: how fast the API server is, in one run on this machine. Prints a table and writes bench-api-<date>.json.
// `-- --quick` does less of everything; `-- create get` measures only those parts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { type Row, table } from '../measure.ts'
import { measureLists, measureRates, measureRemoval, measureWatchers } from './parts.ts'
import { freePort, Load, type Server, startBare, startSkiff } from './processes.ts'
import { measureFlat, measureScale } from './scale.ts'
import { measureStartAndIdle } from './start.ts'

export interface ApiBench {
  readonly skiff: Server
  readonly bare: Server
  readonly load: Load
  readonly directory: string
  readonly quick: boolean
  readonly rows: Row[]
}

const PARTS: Readonly<Record<string, (bench: ApiBench) => Promise<void>>> = {
  start: measureStartAndIdle,
  rates: measureRates,
  list: measureLists,
  watch: measureWatchers,
  deletecollection: measureRemoval,
  scale: measureScale,
  flat: measureFlat,
}

const quick = process.argv.includes('--quick')
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const unknown = wanted.filter((name) => !(name in PARTS))
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
  process.exit(1)
}

const directory = mkdtempSync(join(tmpdir(), 'skiff-bench-api-'))
const loadBefore = loadavg()[0]!
const rows: Row[] = []
const stops: (() => unknown)[] = []
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void finish().then(() => process.exit(1)))

async function finish(): Promise<void> {
  for (const stop of stops.splice(0)) await stop()
  rmSync(directory, { recursive: true, force: true })
}

try {
  const load = new Load()
  stops.push(() => load.stop())
  const skiffDir = join(directory, 'skiff')
  const skiff = await startSkiff(skiffDir, await freePort())
  stops.push(() => skiff.stop())
  const bare = await startBare(join(directory, 'bare'), skiffDir, await freePort())
  stops.push(() => bare.stop())
  const bench: ApiBench = { skiff, bare, load, directory, quick, rows }
  for (const [name, measure] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const before = rows.length
    await measure(bench)
    for (const { what, value, unit, beside = '' } of rows.slice(before)) {
      console.error(`  ${what}: ${Math.round(value * 100) / 100} ${unit}  ${beside}`)
    }
  }
} finally {
  await finish()
}
const date = new Date().toISOString().slice(0, 10)
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}, load ${loadBefore.toFixed(1)} before`
console.log(`${date}, ${machine}${quick ? ', quick' : ''}\n\n${table(rows)}`)
writeFileSync(`bench-api-${date}.json`, `${JSON.stringify({ date, machine, quick, rows }, null, 2)}\n`)
