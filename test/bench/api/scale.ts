// At scale: 150,000 pods on 5,000 nodes in one server, and a million updates of the same thousand objects.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openLevelStore } from '../../../src/apiserver/storage/leveldb.ts'
import { silentLogger } from '../../../src/base/log.ts'
import type { ApiBench } from './bench.ts'
import { checked } from './load.ts'
import { freePort, startApiServer } from './processes.ts'
import { RawConnection, requestBytes } from './raw-connection.ts'
import { podOf } from './sample-pod.ts'
import { memoryOf } from './start.ts'

const PODS_OF_A_NODE = 30

export async function measureScale({ directory, load, rows, quick }: ApiBench): Promise<void> {
  const pods = quick ? 15_000 : 150_000
  const nodes = pods / PODS_OF_A_NODE
  const dataDir = join(directory, 'scale')
  const port = await freePort()
  await (await startApiServer(dataDir, port)).stop()
  await fillPods(join(dataDir, 'db'), pods, nodes)
  const server = await startApiServer(dataDir, port)
  const words = `${pods.toLocaleString('en')} pods of 2 KiB`
  rows.push({
    what: `start on ${words}`,
    value: server.startMs,
    unit: 'ms',
    target: '≤ 5000 ms',
    met: server.startMs <= 5000,
  })
  const select = '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-'
  const first = { connections: 1, total: 1, method: 'GET', path: `${select}#`, first: 7, modulo: nodes }
  const cold = await load.run({ kind: 'rate', protocol: 'http/1.1', target: server.target, ...first }, server.pid)
  const job = { ...first, total: 500 }
  const warm = await load.run({ kind: 'rate', protocol: 'http/1.1', target: server.target, ...job }, server.pid)
  const beside = `p99 ${warm.p99Ms.toFixed(1)} ms, the first ${cold.p50Ms.toFixed(0)} ms`
  rows.push({
    what: `one node's pods of ${words}, p50`,
    value: warm.p50Ms,
    unit: 'ms',
    beside,
    target: '≤ 5 ms',
    met: warm.p50Ms <= 5,
  })
  const whole = { ...first, path: '/api/v1/pods', total: 3 }
  const list = await load.run({ kind: 'rate', protocol: 'http/1.1', target: server.target, ...whole }, server.pid)
  rows.push({
    what: `list of ${words}, p50`,
    value: list.p50Ms,
    unit: 'ms',
    beside: `${Math.round(list.sizeBytes / 1e6)} MB`,
  })
  const { residentMb } = memoryOf(server.pid)
  await server.stop()
  rows.push({
    what: `memory with ${words}, after listing them`,
    value: residentMb,
    unit: 'MB',
    target: '≤ 1500 MB',
    met: residentMb <= 1500,
  })
}

async function fillPods(directory: string, pods: number, nodes: number): Promise<void> {
  const store = await openLevelStore({ log: silentLogger }, directory)
  const writes: Promise<unknown>[] = []
  for (let i = 0; i < pods; i++) {
    const pod = podOf(i, nodes)
    const key = `/registry/core/pods/${pod.metadata.namespace}/${pod.metadata.name}`
    writes.push(store.write({ key, expect: 0, object: pod }))
    if (writes.length === 2000) await Promise.all(writes.splice(0))
  }
  await Promise.all(writes)
  await store.close()
}

/** Updates in rounds over the same objects: what the process and its directory hold must stop growing. */
export async function measureFlat({ directory, load, rows, quick }: ApiBench): Promise<void> {
  const updates = quick ? 40_000 : 1_000_000
  const dataDir = join(directory, 'flat')
  const server = await startApiServer(dataDir, await freePort())
  const connection = await RawConnection.open(server.target)
  checked(
    await connection.send(
      requestBytes('POST', '/api/v1/namespaces', '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"flat"}}'),
    ),
  )
  connection.close()
  const path = '/api/v1/namespaces/flat/configmaps'
  const body = (n: number) =>
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"map-#"},"data":{"n":"${n}","value":"${'x'.repeat(1024)}"}}`
  const job = {
    kind: 'rate',
    protocol: 'http/1.1',
    target: server.target,
    connections: 64,
    first: 0,
    modulo: 1000,
  } as const
  await load.run({ ...job, total: 1000, method: 'POST', path, body: body(0) }, server.pid)
  const samples: { residentMb: number; databaseMb: number }[] = []
  const rounds = 20
  let seconds = 0
  for (let round = 1; round <= rounds; round++) {
    // Within a round an object gets the same bytes again, which is no change: the number is part of the path's modulo.
    for (let n = 0; n < updates / rounds; n += 1000) {
      const text = body(round * 1e6 + n)
      seconds += (await load.run({ ...job, total: 1000, method: 'PUT', path: `${path}/map-#`, body: text }, server.pid))
        .seconds
    }
    samples.push({ residentMb: memoryOf(server.pid).residentMb, databaseMb: sizeOf(join(dataDir, 'db')) / 1e6 })
  }
  await server.stop()
  const half = samples[rounds / 2 - 1]!
  const last = samples.at(-1)!
  const words = `${updates.toLocaleString('en')} updates of 1,000 objects`
  const rate = `${Math.round(updates / seconds)} updates/s`
  rows.push(
    {
      what: `memory after ${words}`,
      value: last.residentMb,
      unit: 'MB',
      beside: `half-way ${Math.round(half.residentMb)} MB; ${rate}`,
      target: 'flat',
      met: last.residentMb <= half.residentMb * 1.1,
    },
    {
      what: `database after ${words}`,
      value: last.databaseMb,
      unit: 'MB',
      beside: `half-way ${Math.round(half.databaseMb)} MB`,
      target: 'flat',
      met: last.databaseMb <= half.databaseMb * 1.5,
    },
  )
}

function sizeOf(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}
