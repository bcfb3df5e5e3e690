// Waiting for a node to be Ready, by watching it; and telling why it isn't.
import { Node } from '../api/kinds/node.ts'
import { isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Ctx } from '../base/ctx.ts'
import { silentLogger } from '../base/log.ts'
import type { Client } from '../client/client.ts'
import { lastWords, logOf } from './cluster-process.ts'
import { CliError } from './config.ts'
import type { Paths } from './paths.ts'

export const isReady = (node: DeepReadonly<Node>) => readyCondition(node)?.status === 'True'
export const readyCondition = (node: DeepReadonly<Node>) => node.status?.conditions?.find((c) => c.type === 'Ready')

/**
 * Resolves when the node is Ready. The caller waits for the agent first: a Ready that an earlier run left behind would count too.
 * @throws CliError with the node's own reason when time runs out.
 */
export async function untilNodeReady(
  client: Client,
  name: string,
  files: Paths,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ctx: Ctx = { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), log: silentLogger }
  let last: DeepReadonly<Node> | undefined
  const ready = (node: DeepReadonly<Node>) => {
    last = node
    return isReady(node)
  }
  try {
    const { items, resourceVersion } = await client.list(ctx, Node, { fieldSelector: `metadata.name=${name}` })
    if (items.some(ready)) return
    for await (const { type, object } of client.watch(ctx, Node, {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion,
    })) {
      if (type !== 'DELETED' && ready(object)) return
    }
  } catch (err) {
    signal.throwIfAborted()
    if (!ctx.signal.aborted && !isNotFound(err)) throw err
  }
  const condition = last && readyCondition(last)
  const why = condition?.message ?? lastWords(files.log('agent')) ?? ''
  throw new CliError(
    `the node ${name} is not Ready${why ? `: ${why}` : ''}\nsee ${logOf(files, 'agent')}; "skiff status" tells more`,
  )
}
