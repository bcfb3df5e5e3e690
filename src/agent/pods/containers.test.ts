import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Observed, type PodContainer, targetOf } from './containers.ts'

const debugger_ = (targetContainerName?: string) =>
  ({ role: 'ephemeral', spec: { name: 'debugger', targetContainerName } }) as unknown as PodContainer

const observed = (...states: [name: string, attempt: number, state: string][]) =>
  ({
    sandboxes: [],
    containers: states.map(([name, attempt, state]) => ({
      id: `${name}-${attempt}`,
      metadata: { name, attempt },
      createdAtMs: 0,
      state,
    })),
  }) as unknown as Observed

test("an ephemeral container's target is the running attempt of the container that it names", () => {
  const seen = observed(['app', 0, 'Exited'], ['app', 1, 'Running'], ['side', 0, 'Running'])
  assert.equal(targetOf(seen, debugger_('app')), 'app-1')
  assert.equal(targetOf(observed(['app', 0, 'Exited']), debugger_('app')), undefined)
  assert.equal(targetOf(seen, debugger_()), undefined)
})
