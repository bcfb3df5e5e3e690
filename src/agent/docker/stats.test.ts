import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cgroupPaths, workingSet } from './stats.ts'

test('both versions of control groups are found', () => {
  assert.deepEqual(
    cgroupPaths('4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/x\n'),
    {
      version: 1,
      cpu: '/sys/fs/cgroup/cpuacct/docker/abc',
      memory: '/sys/fs/cgroup/memory/docker/abc',
    },
  )
  const unified = '/sys/fs/cgroup/system.slice/docker-abc.scope'
  assert.deepEqual(cgroupPaths('0::/system.slice/docker-abc.scope\n'), { version: 2, cpu: unified, memory: unified })
  assert.equal(cgroupPaths(''), undefined)
})

test('the working set leaves out file cache that was not used lately', () => {
  assert.equal(workingSet(100, 30), 70)
  assert.equal(workingSet(100, 130), 0)
})
