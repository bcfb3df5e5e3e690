import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import type { ContainerSpec } from './containers.ts'
import { securityContext } from './security.ts'

const pod = (securityContext: object) =>
  ({ metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { securityContext, containers: [] } }) as unknown as Pod
const container = (securityContext: object) => ({ name: 'c', securityContext }) as unknown as ContainerSpec

test('the container wins over the pod, and groups of the pod are joined', () => {
  const context = securityContext(
    pod({
      runAsUser: 1,
      runAsGroup: 2,
      fsGroup: 3,
      supplementalGroups: [4],
      seccompProfile: { type: 'RuntimeDefault' },
    }),
    container({ runAsUser: 7, allowPrivilegeEscalation: false, capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } }),
    { user: '' },
  )
  assert.equal(context.runAsUser, 7)
  assert.equal(context.runAsGroup, 2)
  assert.deepEqual(context.supplementalGroups, [4, 3])
  assert.equal(context.seccomp, 'RuntimeDefault')
  assert.equal(context.noNewPrivileges, true)
  assert.deepEqual([context.addCapabilities, context.dropCapabilities], [['NET_ADMIN'], ['ALL']])
})

test('runAsNonRoot refuses what would or might run as root', () => {
  const check = (podContext: object, own: object, user: string) => () =>
    securityContext(pod(podContext), container(own), { user })
  const where = '(pod: "p_d(u)", container: c)'
  assert.throws(check({ runAsNonRoot: true }, {}, ''), {
    message: `container has runAsNonRoot and image will run as root ${where}`,
  })
  assert.throws(check({ runAsNonRoot: true }, { runAsUser: 0 }, ''), {
    message: `container's runAsUser breaks non-root policy ${where}`,
  })
  assert.throws(check({ runAsNonRoot: true }, {}, 'nginx'), { message: /non-numeric user \(nginx\)/ })
  assert.doesNotThrow(check({ runAsNonRoot: true }, {}, '101:101'))
  assert.doesNotThrow(check({ runAsNonRoot: true }, { runAsNonRoot: false }, ''))
})
