// `skiff up --demo`: deploys nginx behind a Service, waits until it answers, and shows what a user can do next.
import { ConfigMap } from '../../api/kinds/config-map.ts'
import { Deployment } from '../../api/kinds/deployment.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly, KubeObject, NewObject } from '../../api/meta/object.ts'
import type { Ctx } from '../../base/ctx.ts'
import { silentLogger } from '../../base/log.ts'
import type { Client } from '../../client/client.ts'
import { CliError, type Config, socketPath } from '../config.ts'
import type { Paths } from '../paths.ts'
import { phase, shellWord } from '../progress.ts'
import { DEMO_NAME, deployment, page, service } from './objects.ts'

const ROLLOUT_TIMEOUT_MS = 120_000

export async function runDemo({
  client,
  config,
  files,
  signal,
}: {
  client: Client
  config: Config
  files: Paths
  signal: AbortSignal
}): Promise<void> {
  const ctx: Ctx = { signal: AbortSignal.any([signal, AbortSignal.timeout(ROLLOUT_TIMEOUT_MS)]), log: silentLogger }
  const image = await phase('nginx image', async (note) => {
    const { default: Docker } = await import('dockerode')
    const { ensureNginxImage } = await import('./nginx-image.ts')
    const found = await ensureNginxImage(new Docker({ socketPath: socketPath(config) }), signal)
    note(found.origin)
    return found.name
  })
  await phase('ConfigMap, Deployment, Service', async () => {
    await apply(ctx, client, ConfigMap, page)
    await apply(ctx, client, Deployment, deployment(image))
    await apply(ctx, client, Service, service)
  })
  await phase('2 nginx pods available', () => untilAvailable(ctx, client))
  const url = `http://127.0.0.1:${await nodePort(ctx, client)}`
  const fetched = await phase('the Service answers', () => fetchPage(url, signal))
  process.stdout.write(`
${url} says:
${fetched.trim().replace(/^/gm, '  | ')}

kubeconfig: ${files.kubeconfig}
  export KUBECONFIG=${shellWord(files.kubeconfig)}

Try next:
  kubectl get pods -o wide
  kubectl scale deployment ${DEMO_NAME} --replicas=5
  kubectl logs -f deployment/${DEMO_NAME}
`)
}

/** Server-side apply: what a user has changed elsewhere in the objects stays. */
async function apply<T extends KubeObject>(
  ctx: Ctx,
  client: Client,
  kind: Kind<T>,
  object: NewObject<T>,
): Promise<void> {
  const target = { name: object.metadata.name!, namespace: object.metadata.namespace }
  await client.patch(ctx, kind, target, { type: 'apply', body: object, force: true }, { fieldManager: 'skiff-demo' })
}

async function untilAvailable(ctx: Ctx, client: Client): Promise<void> {
  let last: DeepReadonly<Deployment> | undefined
  const available = (object: DeepReadonly<Deployment>) => {
    last = object
    const { metadata, spec, status } = object
    return (
      (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
      (status?.availableReplicas ?? 0) >= (spec.replicas ?? 1) &&
      status?.updatedReplicas === spec.replicas
    )
  }
  try {
    const selection = { namespace: 'default', fieldSelector: `metadata.name=${DEMO_NAME}` }
    const { items, resourceVersion } = await client.list(ctx, Deployment, selection)
    if (items.some(available)) return
    for await (const { object } of client.watch(ctx, Deployment, { ...selection, resourceVersion }))
      if (available(object)) return
    throw new CliError('the API server ended the watch; try again')
  } catch (err) {
    if (err instanceof CliError || !ctx.signal.aborted) throw err
    if (ctx.signal.reason instanceof CliError) throw ctx.signal.reason
    const ready = last?.status?.readyReplicas ?? 0
    throw new CliError(
      `the demo's pods did not become available (${ready} of 2 are ready): see "kubectl describe pods -l app=${DEMO_NAME}"`,
      1,
    )
  }
}

async function nodePort(ctx: Ctx, client: Client): Promise<number> {
  const { spec } = await client.get(ctx, Service, DEMO_NAME, 'default')
  const port = spec.ports?.[0]?.nodePort
  if (!port)
    throw new CliError(
      `the Service ${DEMO_NAME} has no node port: somebody changed its type; "kubectl delete service ${DEMO_NAME}" and run this again`,
    )
  return port
}

/** The rules reach the kernel a moment after the pods are available, so a refused connection is tried again for a few seconds. */
async function fetchPage(url: string, signal: AbortSignal): Promise<string> {
  let why = ''
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    signal.throwIfAborted()
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]) })
      if (response.ok) return await response.text()
      why = `status ${response.status}`
    } catch (err) {
      why = (err as Error & { cause?: Error }).cause?.message ?? (err as Error).message
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new CliError(`${url} does not answer (${why}): see "skiff status"`)
}
