import assert from 'node:assert/strict'
import { test } from 'node:test'
import { details, evaluate } from './evaluate.ts'
import { LATEST, type Level, PRIVILEGED_POLICY, policyOf } from './policy.ts'

const say = (level: Level, spec: object, version = LATEST, annotations = {}) =>
  details(evaluate({ level, version }, { containers: [{ name: 'app' }], ...spec } as never, annotations))
const app = (securityContext: object, more: object = {}) => ({
  containers: [{ name: 'app', securityContext, ...more }],
})
const GOOD = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  ...app({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }),
}

test('baseline refuses what reaches through to the node', () => {
  const table: [object, string][] = [
    [{}, ''],
    [{ hostNetwork: true, hostPID: true }, 'host namespaces (hostNetwork=true, hostPID=true)'],
    [app({ privileged: true }), 'privileged (container "app" must not set securityContext.privileged=true)'],
    [
      app({ capabilities: { add: ['NET_RAW', 'CHOWN', 'SYS_ADMIN'] } }),
      'non-default capabilities (container "app" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    [{ volumes: [{ name: 'v', hostPath: { path: '/' } }] }, 'hostPath volumes (volume "v")'],
    [
      {
        containers: [
          { name: 'a', ports: [{ hostPort: 80 }] },
          { name: 'b', ports: [{ hostPort: 443 }] },
        ],
      },
      'hostPort (containers "a", "b" use hostPorts 443, 80)',
    ],
    [
      app({}, { livenessProbe: { httpGet: { host: '10.0.0.1' } } }),
      'probe or lifecycle host (container "app" uses probe or lifecycle host "10.0.0.1")',
    ],
    [
      { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
      'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ],
    [
      { securityContext: { seLinuxOptions: { type: 'spc_t', user: 'u' } }, ...app({ seLinuxOptions: { role: 'r' } }) },
      'seLinuxOptions (pod and container "app" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
    [
      app({ procMount: 'Unmasked' }),
      'procMount (container "app" must not set securityContext.procMount to "Unmasked")',
    ],
    [{ hostUsers: false, ...app({ procMount: 'Unmasked' }) }, ''],
    [
      app({ seccompProfile: { type: 'Unconfined' } }),
      'seccompProfile (container "app" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      { securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] } },
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    ],
  ]
  for (const [spec, said] of table) assert.equal(say('baseline', spec), said)
  assert.equal(say('privileged', { hostNetwork: true }), '')
})

test('restricted wants pods to say that they need nothing more', () => {
  assert.equal(say('restricted', GOOD), '')
  assert.equal(
    say('restricted', {}),
    [
      'allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)',
      'unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"])',
      'runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true)',
      'seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ].join(', '),
  )
  const table: [object, string][] = [
    [
      {
        ...GOOD,
        hostNetwork: true,
        volumes: [
          { name: 'v', hostPath: {} },
          { name: 'w', nfs: {} },
        ],
      },
      'host namespaces (hostNetwork=true), restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
    ],
    [
      { ...GOOD, securityContext: { ...GOOD.securityContext, runAsUser: 0 } },
      'runAsUser=0 (pod must not set runAsUser=0)',
    ],
    [
      { ...GOOD, securityContext: { ...GOOD.securityContext, runAsNonRoot: false } },
      'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
    ],
    [
      { ...GOOD, ...app({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'], add: ['CHOWN'] } }) },
      'unrestricted capabilities (container "app" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [{ hostUsers: false, ...GOOD, securityContext: { seccompProfile: { type: 'Localhost' }, runAsUser: 0 } }, ''],
    [{ os: { name: 'windows' }, securityContext: { runAsNonRoot: true } }, ''],
  ]
  for (const [spec, said] of table) assert.equal(say('restricted', spec), said)
})

test('older versions ask what they asked then', () => {
  assert.equal(say('restricted', { securityContext: { runAsNonRoot: true } }, 7), '')
  assert.equal(say('baseline', app({}, { livenessProbe: { httpGet: { host: 'x' } } }), 33), '')
  assert.match(
    say('baseline', { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } }, 31),
    /forbidden sysctls/,
  )
  assert.match(say('restricted', { hostUsers: false }, 34), /runAsNonRoot/)
  const alpha = { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }
  assert.equal(
    say('baseline', {}, 18, alpha),
    'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  )
  assert.equal(say('baseline', {}, 19, alpha), '')
})

test('labels that cannot be read are enforced as the strictest, and otherwise left alone', () => {
  const labels = {
    'pod-security.kubernetes.io/enforce': 'odd',
    'pod-security.kubernetes.io/enforce-version': 'v1.30',
    'pod-security.kubernetes.io/warn': 'odd',
    'pod-security.kubernetes.io/audit-version': 'v2.1',
  }
  const { policy, errors } = policyOf(labels, PRIVILEGED_POLICY)
  assert.deepEqual(policy.enforce, { level: 'restricted', version: 30 })
  assert.equal(policy.warn.level, 'privileged')
  assert.deepEqual(
    errors.map(({ field, message }) => `${field}: ${message}`),
    [
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "odd": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: "v2.1": must be "latest" or "v1.x"',
      'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "odd": must be one of privileged, baseline, restricted',
    ],
  )
})
