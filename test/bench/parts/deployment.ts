// A Deployment from 0 to 30 and back, beside a Swarm service of the same image on the same Engine.
import Docker from 'dockerode'
import { Deployment } from '../../../src/api/kinds/deployment.ts'
import { Pod } from '../../../src/api/kinds/pod.ts'
import type { Client } from '../../../src/client/client.ts'
import type { Bench } from '../bench.ts'
import { sh, timed } from '../measure.ts'
import { benchClient, ctx } from './cluster-client.ts'
import { IMAGE } from './pod.ts'

const REPLICAS = 30
/** Far beyond what any of these should take: a bench that hangs tells nothing. */
const LIMIT_MS = 120_000

export async function measureDeployment(bench: Bench): Promise<void> {
  const client = await benchClient(bench)
  const labels = { app: 'many' }
  await client.create(ctx, Deployment, {
    metadata: { name: 'many', namespace: 'default' },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'nginx', image: IMAGE, imagePullPolicy: 'IfNotPresent' }] },
      },
    },
  })
  const up = await timed(async () => {
    const { metadata } = await scale(client, REPLICAS)
    for await (const { object } of client.watch(ctx, Deployment, {
      namespace: 'default',
      fieldSelector: 'metadata.name=many',
      resourceVersion: metadata.resourceVersion,
    })) {
      if (object.status?.readyReplicas === REPLICAS) break
    }
  })
  const down = await timed(async () => {
    const pods = await client.list(ctx, Pod, { namespace: 'default', labelSelector: 'app=many' })
    let left = pods.items.length
    await scale(client, 0)
    for await (const { type } of client.watch(ctx, Pod, {
      namespace: 'default',
      labelSelector: 'app=many',
      resourceVersion: pods.resourceVersion,
    })) {
      if (type === 'DELETED' && --left === 0) break
    }
  })
  await client.delete(ctx, Deployment, { name: 'many', namespace: 'default' })
  client.close()
  const swarm = await swarmScale(bench)
  bench.rows.push(
    {
      what: 'Deployment 0 → 30 ready',
      value: up.ms,
      unit: 'ms',
      beside: `Swarm service 0 → 30: ${Math.round(swarm.upMs)} ms; Kubernetes 20900 ms`,
      target: 'no slower than Swarm',
      met: up.ms <= swarm.upMs,
    },
    {
      what: 'Deployment 30 → 0 gone',
      value: down.ms,
      unit: 'ms',
      beside: `Swarm service 30 → 0: ${Math.round(swarm.downMs)} ms; Kubernetes 34000 ms`,
      target: '3000 ms',
      met: down.ms <= 3000,
    },
  )
}

function scale(client: Client, replicas: number) {
  return client.patch(
    ctx,
    Deployment,
    { name: 'many', namespace: 'default' },
    { type: 'merge', body: { spec: { replicas } } },
  )
}

async function swarmScale({ dockerSocket }: Bench): Promise<{ upMs: number; downMs: number }> {
  const env = { DOCKER_HOST: `unix://${dockerSocket}` }
  const docker = new Docker({ socketPath: dockerSocket })
  // By its id: Swarm asks a registry about a name before each start, and waits for it where none answers.
  const { Id: image } = await docker.getImage(IMAGE).inspect()
  sh('docker', ['swarm', 'init', '--advertise-addr', '127.0.0.1'], env)
  try {
    // As on an Engine with its default bridge, which a test host's has not; without it Swarm's containers had no network at all.
    sh('docker', ['network', 'create', '--scope', 'swarm', '--driver', 'bridge', 'swarm'], env)
    sh(
      'docker',
      [
        'service',
        'create',
        '--detach',
        '--name',
        'many',
        '--replicas',
        '0',
        '--network',
        'swarm',
        '--no-resolve-image',
        image,
      ],
      env,
    )
    const count = async (n: number) => {
      const deadline = performance.now() + LIMIT_MS
      const label = ['com.docker.swarm.service.name=many']
      while (
        (await docker.listContainers({ filters: { label, ...(n > 0 ? { status: ['running'] } : {}) } })).length !== n
      )
        if (performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
        else throw new Error(`Swarm did not reach ${n} containers`)
    }
    const up = await timed(async () => {
      sh('docker', ['service', 'scale', '--detach', `many=${REPLICAS}`], env)
      await count(REPLICAS)
    })
    const down = await timed(async () => {
      sh('docker', ['service', 'scale', '--detach', 'many=0'], env)
      await count(0)
    })
    sh('docker', ['service', 'rm', 'many'], env)
    sh('docker', ['network', 'rm', 'swarm'], env)
    return { upMs: up.ms, downMs: down.ms }
  } finally {
    sh('docker', ['swarm', 'leave', '--force'], env)
  }
}
