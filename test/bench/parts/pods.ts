// Pod create → Ready and delete → gone, twenty in a row, beside the same two containers straight through the Docker API.
import Docker from 'dockerode'
import { Pod } from '../../../src/api/kinds/pod.ts'
import type { Bench } from '../bench.ts'
import { percentile, timed } from '../measure.ts'
import { benchClient, ctx } from './cluster-client.ts'
import { createPod, IMAGE, untilPodGone, untilPodReady } from './pod.ts'

const COUNT = 20

export async function measurePods(bench: Bench): Promise<void> {
  const docker = new Docker({ socketPath: bench.dockerSocket })
  const client = await benchClient(bench)
  const raw: number[] = []
  const rawStop: number[] = []
  const ready: number[] = []
  const gone: number[] = []
  const network = await docker.createNetwork({
    Name: 'raw',
    IPAM: { Driver: 'default', Config: [{ Subnet: '10.231.0.0/24' }] },
  })
  // In turn, so that a drift of the machine's speed meets both.
  for (let i = 0; i < COUNT; i++) {
    const pair = await rawPair(docker, i)
    raw.push(pair.startMs)
    rawStop.push(pair.stopMs)
    const name = `pod-${i}`
    ready.push(
      (
        await timed(async () => {
          await createPod(client, name)
          await untilPodReady(client, name)
        })
      ).ms,
    )
    const { metadata } = await client.get(ctx, Pod, name, 'default')
    gone.push(
      (
        await timed(async () => {
          await client.delete(ctx, Pod, { name, namespace: 'default' })
          await untilPodGone(client, name, metadata.resourceVersion)
        })
      ).ms,
    )
  }
  await network.remove()
  client.close()
  const [rawP50, rawP95, p50, p95] = [
    percentile(raw, 50),
    percentile(raw, 95),
    percentile(ready, 50),
    percentile(ready, 95),
  ]
  const beyond = percentile(gone, 50) - percentile(rawStop, 50)
  bench.rows.push(
    {
      what: 'pod create → Ready, p50 of 20',
      value: p50,
      unit: 'ms',
      beside: `raw pair ${Math.round(rawP50)} ms: ${(p50 / rawP50).toFixed(2)} ×`,
      target: '1.3 × raw',
      met: p50 <= 1.3 * rawP50,
    },
    {
      what: 'pod create → Ready, p95 of 20',
      value: p95,
      unit: 'ms',
      beside: `raw pair p95 ${Math.round(rawP95)} ms: ${(p95 / rawP50).toFixed(2)} × its p50`,
      target: '2 × raw',
      met: p95 <= 2 * rawP50,
    },
    {
      what: 'pod delete → gone, p50 of 20',
      value: percentile(gone, 50),
      unit: 'ms',
      beside: `process's own exit (docker stop) ${Math.round(percentile(rawStop, 50))} ms; Kubernetes 8500 ms`,
    },
    {
      what: 'pod delete → gone beyond the process’s exit',
      value: beyond,
      unit: 'ms',
      target: '500 ms',
      met: beyond <= 500,
    },
  )
}

/** A sandbox on a bridge network and nginx in its namespaces, as pods are made, with nothing around it. */
async function rawPair(docker: Docker, i: number): Promise<{ startMs: number; stopMs: number }> {
  let sandbox!: Docker.Container
  let app!: Docker.Container
  const { ms: startMs } = await timed(async () => {
    sandbox = await docker.createContainer({
      name: `raw-sandbox-${i}`,
      Image: 'busybox',
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'raw', IpcMode: 'shareable' },
    })
    await sandbox.start()
    const mode = `container:${sandbox.id}`
    app = await docker.createContainer({
      name: `raw-app-${i}`,
      Image: IMAGE,
      HostConfig: { NetworkMode: mode, IpcMode: mode },
    })
    await app.start()
  })
  const { ms: stopMs } = await timed(() => app.stop({ t: 5 }))
  await app.remove({ force: true })
  await sandbox.remove({ force: true })
  return { startMs, stopMs }
}
