// Changes of this cluster's containers from the engine's event stream.
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError, type RuntimeEvent } from '../cri/runtime.ts'
import type { Engine } from './engine.ts'
import { isSandbox, labelFilters, podUidOf } from './labels.ts'
import { destroyOnAbort, quietly } from './streams.ts'

interface EngineEvent {
  Action: string
  Actor: { ID: string; Attributes: Record<string, string> }
}

const TYPES: Readonly<Record<string, { container: RuntimeEvent['type']; sandbox: RuntimeEvent['type'] }>> = {
  start: { container: 'ContainerStarted', sandbox: 'SandboxStarted' },
  // Docker notes that memory was the reason when it hears of it, which may be after the end.
  oom: { container: 'ContainerOOM', sandbox: 'ContainerOOM' },
  die: { container: 'ContainerStopped', sandbox: 'SandboxStopped' },
  destroy: { container: 'ContainerDeleted', sandbox: 'SandboxDeleted' },
}

export async function* events(engine: Engine, ctx: Ctx, onConnected: () => void): AsyncGenerator<RuntimeEvent> {
  const stream = await engine.stream(ctx, '/events', {
    // The engine answers a moment before it listens. `since` makes it repeat what happened in between.
    since: (engine.clock.now() / 1000).toFixed(3),
    filters: { type: ['container'], event: Object.keys(TYPES), ...labelFilters(engine.cluster) },
  })
  const release = destroyOnAbort(stream, ctx.signal)
  try {
    onConnected()
    for await (const line of lines(quietly(stream))) {
      const { Action, Actor } = JSON.parse(line) as EngineEvent
      const type = TYPES[Action]
      if (!type) continue
      const labels = Actor.Attributes
      yield { type: isSandbox(labels) ? type.sandbox : type.container, podUid: podUidOf(labels), containerId: Actor.ID }
    }
  } finally {
    release()
    stream.destroy()
  }
  if (!ctx.signal.aborted) throw new RuntimeError('Unavailable', 'the Docker daemon ended its event stream')
}

/** JSON documents, one a line. */
export async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pending = ''
  const decoder = new TextDecoder()
  for await (const chunk of chunks) {
    pending += decoder.decode(chunk, { stream: true })
    const parts = pending.split('\n')
    pending = parts.pop() ?? ''
    for (const part of parts) if (part.trim()) yield part
  }
  if (pending.trim()) yield pending
}
