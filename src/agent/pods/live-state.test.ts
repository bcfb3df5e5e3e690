import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../base/log.ts'
import type { ContainerStatus, RuntimeService } from '../cri/runtime.ts'
import { LiveState } from './live-state.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }

test('a notice of too little memory that comes after the end corrects the reason', async () => {
  let reason = 'Error'
  const status = () =>
    ({
      id: 'c',
      podSandboxId: 's',
      state: 'Exited',
      exitCode: 137,
      reason,
      labels: {},
      annotations: {},
    }) as unknown as ContainerStatus
  const live = new LiveState({ containerStatus: async () => status() } as unknown as RuntimeService)
  const event = { podUid: 'u', containerId: 'c' }
  assert.equal(await live.apply(ctx, { ...event, type: 'ContainerOOM' }, false), false, 'not known yet')
  await live.apply(ctx, { ...event, type: 'ContainerStopped' }, false)
  assert.equal(live.container('c')?.reason, 'Error')
  reason = 'OOMKilled'
  assert.equal(await live.apply(ctx, { ...event, type: 'ContainerStopped' }, false), false, 'it has ended already')
  assert.equal(await live.apply(ctx, { ...event, type: 'ContainerOOM' }, false), true)
  assert.equal(live.container('c')?.reason, 'OOMKilled')
})
