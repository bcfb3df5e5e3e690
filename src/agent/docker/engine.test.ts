import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBeingRemoved, isOomScoreRefused, leftMount, runtimeErrorOf, userWords } from './engine.ts'

test('of a failed start, what concerns the user is left', () => {
  const cases: [string, string][] = [
    [
      'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown',
      'exec: "nosuch": executable file not found in $PATH',
    ],
    [
      'OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: exec: "/x": permission denied: unknown',
      'exec: "/x": permission denied',
    ],
    ['No such container: abc', 'No such container: abc'],
  ]
  for (const [said, expected] of cases) assert.equal(userWords(said), expected)
})

test('what the engine says becomes a code', () => {
  const answer = (statusCode: number, message: string) => runtimeErrorOf({ statusCode, json: { message } }).code
  assert.equal(answer(404, 'No such container: abc'), 'NotFound')
  assert.equal(answer(409, 'Conflict. The container name "/x" is already in use by container "y"'), 'AlreadyExists')
  assert.equal(answer(409, 'Container abc is not running'), 'Unknown')
  assert.equal(answer(400, 'exec: "x": executable file not found in $PATH'), 'InvalidArgument')
  assert.equal(answer(500, 'driver failed programming external connectivity: port is already allocated'), 'Unknown')
})

test('an engine that does not answer is Unavailable', () => {
  for (const code of ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'])
    assert.equal(runtimeErrorOf(Object.assign(new Error('socket'), { code })).code, 'Unavailable')
  assert.equal(runtimeErrorOf(new Error('something else')).code, 'Unknown')
})

test('a removal that is under way already is recognised', () => {
  const json = { message: 'removal of container abc is already in progress' }
  assert.ok(isBeingRemoved(runtimeErrorOf({ statusCode: 409, json })))
  assert.ok(
    !isBeingRemoved(runtimeErrorOf({ statusCode: 409, json: { message: 'You cannot remove a running container' } })),
  )
})

test('a refused oom_score_adj is recognised', () => {
  assert.ok(isOomScoreRefused(new Error("runc create failed: can't get final child's PID from pipe: EOF")))
  assert.ok(!isOomScoreRefused(new Error('no space left on device')))
})

test('only a root file system that the engine could not remove is named as left mounted', () => {
  const id = 'e2977c98eafe02e195fa18305bbb81ddcd22947a29e437626bed1ccb787af3c0'
  const busy = (path: string) =>
    new Error(
      `container x: driver "overlay2" failed to remove root filesystem: unlinkat ${path}: device or resource busy`,
    )
  const merged = `/var/lib/docker/overlay2/${id}/merged`
  assert.equal(leftMount(busy(merged)), merged)
  assert.equal(leftMount(busy('/home/user')), undefined)
  assert.equal(leftMount(busy(`${merged}/etc`)), undefined)
  assert.equal(leftMount(new Error('no such container')), undefined)
})
