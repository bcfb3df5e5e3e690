import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod } from '../../types/core.v1.ts'
import { ownerNameWarnings, podTemplateWarnings, podWarnings } from './warnings.ts'

interface Parts {
  name?: string
  annotations?: Record<string, string>
  container?: object
  spec?: object
}
const pod = ({ name = 'p', annotations = {}, container, spec }: Parts) =>
  ({
    metadata: { name, namespace: 'default', annotations },
    spec: {
      containers: [{ name: 'app', image: 'i', ...container }],
      terminationGracePeriodSeconds: 30,
      ...spec,
    },
  }) as unknown as Pod

const emptyDir = (name: string, rest: object = {}) => ({ name, emptyDir: {}, ...rest })

describe('a pod is let in, and its writer is told', () => {
  const table: [what: string, parts: Parts, warnings: RegExp[]][] = [
    ['nothing of a plain one', {}, []],
    [
      'that a variable is defined twice',
      {
        container: {
          env: [
            { name: 'x', value: '1' },
            { name: 'x', value: '2' },
          ],
        },
      },
      [/^spec\.containers\[0\]\.env\[1\]: hides previous definition of "x", which may be dropped when using apply$/],
    ],
    [
      'that a port is named twice',
      {
        container: {
          ports: [
            { containerPort: 80, protocol: 'TCP' },
            { containerPort: 80, protocol: 'TCP' },
          ],
        },
      },
      [/^spec\.containers\[0\]\.ports\[1\]: duplicate port definition with spec\.containers\[0\]\.ports\[0\]$/],
    ],
    ['that its name is no host name', { name: 'a.b' }, [/^metadata\.name: this is used in the Pod's hostname/]],
    [
      'that a label of nodes has a new name',
      { spec: { nodeSelector: { 'beta.kubernetes.io/arch': 'amd64' } } },
      [
        /^spec\.nodeSelector\[beta\.kubernetes\.io\/arch\]: deprecated since v1\.14; use "kubernetes\.io\/arch" instead$/,
      ],
    ],
    [
      'that an annotation does nothing',
      { annotations: { 'scheduler.alpha.kubernetes.io/critical-pod': '' } },
      [/^metadata\.annotations\[scheduler\.alpha\.kubernetes\.io\/critical-pod\]: non-functional in v1\.16\+/],
    ],
    [
      'that half a byte cannot be had',
      { container: { resources: { requests: { memory: '100m' } } } },
      [
        /^spec\.containers\[0\]\.resources\.requests\[memory\]: fractional byte value "100m" is invalid, must be an integer$/,
      ],
    ],
    [
      'that a grace period is negative',
      { spec: { terminationGracePeriodSeconds: -1 } },
      [/^spec\.terminationGracePeriodSeconds: must be >= 0; negative values are invalid/],
    ],
    [
      'that a kind of volume is gone',
      { spec: { volumes: [{ name: 'v', gitRepo: { repository: 'r' } }] } },
      [/^spec\.volumes\[0\]\.gitRepo: /],
    ],
    [
      'that a secret is named twice',
      { spec: { imagePullSecrets: [{ name: 'a' }, { name: 'a' }] } },
      [/^spec\.imagePullSecrets\[1\]\.name: duplicate name "a"$/],
    ],
  ]
  for (const [what, parts, wanted] of table) {
    test(what, () => {
      const warnings = podWarnings(pod({ spec: { volumes: [emptyDir('d')] }, ...parts }))
      assert.equal(warnings.length, wanted.length, warnings.join('\n'))
      for (const [i, pattern] of wanted.entries()) assert.match(warnings[i] ?? '', pattern)
    })
  }
})

test('warnings of a template name the template', () => {
  const env = [
    { name: 'x', value: '1' },
    { name: 'x', value: '2' },
  ]
  assert.deepEqual(podTemplateWarnings(pod({ container: { env } }), 'spec.template'), [
    'spec.template.spec.containers[0].env[1]: hides previous definition of "x", which may be dropped when using apply',
  ])
})

test('what names pods should have a name for hosts', () => {
  assert.deepEqual(ownerNameWarnings('plain'), [])
  assert.match(ownerNameWarnings('a.b')[0] ?? '', /^metadata\.name: this is used in Pod names and hostnames/)
})
