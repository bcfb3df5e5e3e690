// What an idle cluster costs in a minute, with one nginx pod: memory, processor, bytes written.
// It runs on a copy of Node's program of its own: with the usual one, its pages would be shared with this process and every other Node
// on the machine, and count for next to nothing.
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { Pod } from '../../../src/api/kinds/pod.ts'
import type { Bench } from '../bench.ts'
import { cpuMs, processesOf, pssBytes, writtenBytes } from '../measure.ts'
import { benchClient, ctx } from './cluster-client.ts'
import { createPod, untilPodReady } from './pod.ts'

const SETTLE_MS = 15_000
const IDLE_MS = 60_000
const MIB = 2 ** 20

export async function measureIdle(bench: Bench): Promise<void> {
  const ownNode = `${bench.dataDir}.node`
  copyFileSync(process.execPath, ownNode)
  bench.skiff('down')
  const up = [join(import.meta.dirname, '../../../dist/skiff.js'), 'up', ...bench.flags]
  const { status, stderr } = spawnSync(ownNode, up, { encoding: 'utf8', timeout: 60_000 })
  if (status !== 0) throw new Error(`skiff up: ${stderr}`)
  const client = await benchClient(bench)
  await createPod(client, 'idle')
  await untilPodReady(client, 'idle')
  client.close() // an open connection of ours is not part of idling
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const pids = processesOf(bench.dataDir)
  const total = (of: (pid: number) => number) => pids.reduce((sum, pid) => sum + of(pid), 0)
  const [cpuBefore, writtenBefore] = [total(cpuMs), total(writtenBytes)]
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const cpuPercent = ((total(cpuMs) - cpuBefore) / IDLE_MS) * 100
  const pss = total(pssBytes) / MIB
  const written = total(writtenBytes) - writtenBefore
  bench.rows.push(
    {
      what: `memory of all ${pids.length} processes (PSS)`,
      value: pss,
      unit: 'MiB',
      beside: 'Kubernetes: 675 MB',
      target: '150 MB',
      met: pss * MIB <= 150e6,
    },
    {
      what: 'processor while idle',
      value: cpuPercent,
      unit: '% of a core',
      beside: 'Kubernetes: 6.1 %',
      target: '0.5 %',
      met: cpuPercent <= 0.5,
    },
    { what: 'written to disk in 60 idle seconds', value: written, unit: 'bytes', target: '0', met: written === 0 },
  )
  const again = await benchClient(bench)
  await again.delete(ctx, Pod, { name: 'idle', namespace: 'default' }, { gracePeriodSeconds: 0 })
  again.close()
  bench.skiff('down')
  bench.skiff('up')
}
