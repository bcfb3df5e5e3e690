// The suite that every container runtime passes, on a real Docker Engine.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Host, startHost } from './host.ts'

let host: Host
before(() => {
  host = startHost('runtime')
})
after(() => host?.stop())

test('the Docker runtime keeps every promise of the runtime contract', async () => {
  const suite = join(import.meta.dirname, '../../src/agent/docker/docker-runtime.test.ts')
  const { code, stdout } = await host.run(
    ['env', '-u', 'NODE_TEST_CONTEXT', process.execPath, '--test', '--test-reporter=spec', suite],
    {
      env: { SKIFF_TEST_DOCKER: host.dockerHost },
      timeoutMs: 300_000,
    },
  )
  assert.equal(code, 0, stdout)
  const passed = Number(/^ℹ pass (\d+)$/m.exec(stdout)?.[1])
  assert.ok(passed >= 40, `the suite ran on the engine: ${stdout.slice(-2000)}`)
})
