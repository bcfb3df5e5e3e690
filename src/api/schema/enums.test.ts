import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enumErrors } from './enums.ts'
import { structFor } from './tables.ts'

const errorsOf = (kind: string, object: object) =>
  enumErrors(structFor('', 'v1', kind), object).map(({ field, message }) => `${field}: ${message}`)

test('a value outside a closed set is named, with what there is', () => {
  const container = { name: 'c', imagePullPolicy: 'Sometimes', ports: [{ containerPort: 80, protocol: 'TCP' }] }
  assert.deepEqual(errorsOf('Pod', { spec: { containers: [container], restartPolicy: 'Always' } }), [
    'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
  ])
})

test('items of lists are checked one by one; absent, empty and reported values are not', () => {
  assert.match(
    errorsOf('PersistentVolumeClaim', { spec: { accessModes: ['ReadWriteOnce', 'Any'] } })[0]!,
    /^spec\.accessModes\[1\]: /,
  )
  assert.deepEqual(errorsOf('Pod', { spec: { restartPolicy: '', dnsPolicy: undefined }, status: { phase: 'Odd' } }), [])
  assert.deepEqual(errorsOf('ConfigMap', { data: { type: 'x' } }), [])
})
