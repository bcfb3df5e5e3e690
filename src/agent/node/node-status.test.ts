import assert from 'node:assert/strict'
import { test } from 'node:test'
import { semanticEqual } from '../../api/meta/equality.ts'
import { type NodeStatusInput, nodeAllocatable, nodeStatus, nodeStatusPatch } from './node-status.ts'

const GiB = 2 ** 30
const input = (over: Partial<NodeStatusInput> = {}): NodeStatusInput => ({
  name: 'n1',
  ips: ['192.168.0.1'],
  facts: {
    cpus: 4,
    memoryBytes: 8 * GiB,
    diskBytes: 100 * GiB,
    hugePageBytes: { 'hugepages-2Mi': 0 },
    machineID: 'm',
    systemUUID: 's',
    bootID: 'b',
  },
  free: { memoryBytes: 4 * GiB, diskBytes: 50 * GiB, pids: 30_000 },
  maxPods: 110,
  reserved: {},
  agentPort: 10250,
  runtime: {
    runtimeName: 'docker',
    runtimeVersion: '20.10.24',
    os: 'linux',
    architecture: 'amd64',
    kernelVersion: '6.1',
    osImage: 'Debian',
  },
  runtimeDown: undefined,
  images: [],
  nowMs: Date.UTC(2026, 0, 1),
  ...over,
})
const condition = (over: Partial<NodeStatusInput>, type: string) => {
  const found = nodeStatus(input(over), undefined).conditions?.find((c) => c.type === type)
  return [found?.status, found?.reason, found?.message]
}

test('pods get what the machine has, less what is kept for the system', () => {
  assert.deepEqual(nodeAllocatable(input()), {
    cpu: '4',
    'ephemeral-storage': String(Math.floor(100 * GiB * 0.9)),
    'hugepages-2Mi': '0',
    memory: '8092Mi',
    pods: '110',
  })
  const reserved = nodeAllocatable(input({ reserved: { cpu: '250m', memory: '1Gi' } }))
  assert.deepEqual([reserved['cpu'], reserved['memory']], ['3750m', '7068Mi'])
})

test('conditions say what is wrong in the standard words', () => {
  assert.deepEqual(condition({}, 'Ready'), ['True', 'KubeletReady', 'kubelet is posting ready status'])
  const down = { runtimeDown: 'container runtime is down' }
  assert.deepEqual(condition(down, 'Ready'), ['False', 'KubeletNotReady', 'container runtime is down'])
  const free = { memoryBytes: 1, diskBytes: 1, pids: 1 }
  assert.deepEqual(condition({ free }, 'MemoryPressure').slice(0, 2), ['True', 'KubeletHasInsufficientMemory'])
  assert.deepEqual(condition({ free }, 'DiskPressure').slice(0, 2), ['True', 'KubeletHasDiskPressure'])
  assert.deepEqual(condition({ free }, 'PIDPressure').slice(0, 2), ['True', 'KubeletHasInsufficientPID'])
})

test('the largest images come first, with a few of their names', () => {
  const image = (name: string, sizeBytes: number) => ({ id: name, tags: [name], digests: [], sizeBytes, user: '' })
  const images = [image('small', 1), image('big', 9), { ...image('x', 5), tags: [] }]
  assert.deepEqual(nodeStatus(input({ images }), undefined).images, [
    { names: ['big'], sizeBytes: 9 },
    { names: ['small'], sizeBytes: 1 },
  ])
})

test('nothing is written when nothing changed, and heartbeats only when asked', () => {
  const old = nodeStatus(input(), undefined)
  const later = nodeStatus(input({ nowMs: Date.UTC(2026, 0, 2) }), old)
  assert.equal(nodeStatusPatch(old, later, semanticEqual, false), undefined)
  assert.deepEqual(Object.keys(nodeStatusPatch(old, later, semanticEqual, true) ?? {}), ['conditions'])
  const moved = nodeStatus(input({ ips: ['192.168.0.9'] }), old)
  assert.deepEqual(Object.keys(nodeStatusPatch(old, moved, semanticEqual, false) ?? {}), ['addresses'])
})
