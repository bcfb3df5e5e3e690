// One nginx pod: created, watched until Ready, deleted, watched until gone.
import { Pod } from '../../../src/api/kinds/pod.ts'
import type { DeepReadonly } from '../../../src/api/meta/object.ts'
import type { Client } from '../../../src/client/client.ts'
import { ctx } from './cluster-client.ts'

export const IMAGE = 'nginx:alpine'

export function createPod(client: Client, name: string) {
  return client.create(ctx, Pod, {
    metadata: { name, namespace: 'default', labels: { bench: 'pod' } },
    spec: {
      containers: [{ name: 'nginx', image: IMAGE, imagePullPolicy: 'IfNotPresent' }],
      terminationGracePeriodSeconds: 5,
    },
  })
}

const isReady = (pod: DeepReadonly<Pod>) =>
  pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false

export async function untilPodReady(client: Client, name: string): Promise<void> {
  const selection = { namespace: 'default', fieldSelector: `metadata.name=${name}` }
  const { items, resourceVersion } = await client.list(ctx, Pod, selection)
  if (items.some(isReady)) return
  for await (const { object } of client.watch(ctx, Pod, { ...selection, resourceVersion })) if (isReady(object)) return
  throw new Error(`the watch of ${name} ended`)
}

export async function untilPodGone(client: Client, name: string, from: string): Promise<void> {
  const selection = { namespace: 'default', fieldSelector: `metadata.name=${name}`, resourceVersion: from }
  for await (const { type } of client.watch(ctx, Pod, selection)) if (type === 'DELETED') return
  throw new Error(`the watch of ${name} ended`)
}
