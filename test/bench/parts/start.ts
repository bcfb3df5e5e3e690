// How long a start takes: the server alone until /readyz says ok, and a warm `up` until the node is Ready.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:https'
import { join } from 'node:path'
import type { Bench } from '../bench.ts'
import { median, timed } from '../measure.ts'

const RUNS = 5

export async function measureStart(bench: Bench): Promise<void> {
  bench.skiff('up') // cold: the sandbox image, the network, the certificates are made
  const starts: number[] = []
  const ups: number[] = []
  for (let i = 0; i < RUNS; i++) {
    bench.skiff('down')
    starts.push(await serverStartMs(bench))
    ups.push((await timed(() => bench.skiff('up'))).ms)
  }
  bench.rows.push(
    {
      what: 'server start → /readyz ok (median of 5)',
      value: median(starts),
      unit: 'ms',
      beside: 'Kubernetes 1.20: 4000 ms',
      target: '500 ms',
      met: median(starts) <= 500,
    },
    {
      what: 'warm up → node Ready (median of 5)',
      value: median(ups),
      unit: 'ms',
      beside: 'Kubernetes 1.20: 12800 ms',
      target: '1500 ms',
      met: median(ups) <= 1500,
    },
  )
}

async function serverStartMs(bench: Bench): Promise<number> {
  const program = join(import.meta.dirname, '../../../dist/skiff.js')
  const began = performance.now()
  const server = spawn(process.execPath, [program, 'server', ...bench.flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!(await readyz())) if (server.exitCode !== null) throw new Error('the server did not start')
  const ms = performance.now() - began
  server.kill('SIGTERM')
  await once(server, 'exit')
  return ms
}

function readyz(): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request(
      { host: '127.0.0.1', port: 6443, path: '/readyz', rejectUnauthorized: false, agent: false },
      (res) => {
        res.resume()
        resolve(res.statusCode === 200)
      },
    )
    req.on('error', () => setTimeout(() => resolve(false), 2))
    req.end()
  })
}
