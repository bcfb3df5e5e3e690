// What one does with a running pod from kubectl beyond exec: logs in all their ways, files in and out, and a container to look with.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../src/api/kinds/pod.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'
import { IMAGE, podManifest as pod, SLEEP } from './pod-manifest.ts'

let host: Host
let cluster: Cluster
before(async () => {
  host = startHost('pod-tools')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
  const { code, stderr } = await cluster.skiff('up')
  assert.equal(code, 0, stderr)
})
after(async () => {
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

const getPod = (name: string) => cluster.get<Pod>(`pod/${name}`)
const ready = (name: string) => cluster.kubectl(`wait --for=condition=Ready pod/${name} --timeout=40s`)

describe('tools for pods', { concurrency: 3 }, () => {
  test('logs: tail, since, timestamps, limit, containers, prefix and selector', async () => {
    await cluster.apply(
      pod(
        'loud',
        `
  containers:
  - { name: a, ${IMAGE}, command: [sh, -c, "for i in 1 2 3 4 5; do echo a$i; done; sleep 0.2; echo wrong >&2; sleep 3; echo late; trap exit TERM; sleep 3600 & wait"] }
  - { name: b, ${IMAGE}, command: [sh, -c, "echo b1; trap exit TERM; sleep 3600 & wait"] }
`,
      ),
    )
    await ready('loud')
    await until('the late line', async () => (await cluster.kubectl('logs loud -c a')).endsWith('late\n'))
    assert.equal(await cluster.kubectl('logs loud -c a --tail=2'), 'wrong\nlate\n')
    assert.equal(await cluster.kubectl('logs loud -c a --since=2s'), 'late\n')
    assert.equal(await cluster.kubectl('logs loud -c a --limit-bytes=4'), 'a1\na')
    assert.match(await cluster.kubectl('logs loud -c b --timestamps'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z b1\n$/)
    const all = await cluster.kubectl('logs loud --all-containers --prefix --tail=1')
    assert.deepEqual(all.trim().split('\n').sort(), ['[pod/loud/a] late', '[pod/loud/b] b1'])
    assert.match(await cluster.kubectl('logs -l run=loud --all-containers'), /^b1$/m)
    const wrong = await cluster.tryKubectl('logs loud -c c')
    assert.match(wrong.stderr, /container c is not valid for pod loud/)
    assert.equal((await cluster.kubectl('logs loud')).includes('a1\n'), true, 'the first container is the default')
    const previous = await cluster.tryKubectl('logs loud -c a --previous')
    assert.match(previous.stderr, /previous terminated container "a" in pod "loud" not found/)
  })

  test('kubectl cp brings files into a container and back', async () => {
    await cluster.apply(pod('copied', `  containers: [{ name: main, ${IMAGE}, ${SLEEP} }]`))
    await ready('copied')
    const file = join(host.dir, 'to-copy')
    writeFileSync(file, 'x'.repeat(300_000))
    await cluster.kubectl(`cp ${file} copied:/tmp/there`)
    assert.equal(await cluster.sh('copied', 'wc -c </tmp/there'), '300000\n')
    await cluster.kubectl(`cp copied:/tmp/there ${file}.back`)
    assert.equal(readFileSync(`${file}.back`, 'utf8').length, 300_000)
  })

  test('kubectl debug adds a container to a running pod', async () => {
    await cluster.apply(
      pod('debugged', `  containers: [{ name: main, ${IMAGE}, command: [httpd, -f, -p, "8080", -h, /etc] }]`),
    )
    await ready('debugged')
    await cluster.kubectl(
      "debug debugged --image=busybox:latest --image-pull-policy=IfNotPresent -c look -- sh -c 'curl -sS http://127.0.0.1:8080/group'",
    )
    await until(
      'it has looked',
      async () =>
        (await getPod('debugged')).status?.ephemeralContainerStatuses?.[0]?.state?.terminated?.reason === 'Completed',
    )
    assert.match(await cluster.kubectl('logs debugged -c look'), /^root:/)
  })
})
