// Where a container's image comes from: pull policies, a real registry, tags and digests, and what is told when there is none to be had.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Node } from '../../src/api/kinds/node.ts'
import type { Pod } from '../../src/api/kinds/pod.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'
import { type Registry, startRegistry } from './registry.ts'

let host: Host
let cluster: Cluster
let registry: Registry
before(async () => {
  host = startHost('images')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
  const { code, stderr } = await cluster.skiff('up')
  assert.equal(code, 0, stderr)
  registry = await startRegistry(host)
  await registry.push('busybox:latest', 'tools/busybox:1')
})
after(async () => {
  await registry?.stop()
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

const pod = (name: string, image: string, policy?: string) =>
  cluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: main, image: "${image}", ${policy ? `imagePullPolicy: ${policy}, ` : ''}command: [sleep, "36000"] }]
`)
const ready = (name: string) => cluster.kubectl(`wait --for=condition=Ready pod/${name} --timeout=40s`)
const status = async (name: string) => (await cluster.get<Pod>(`pod/${name}`)).status?.containerStatuses?.[0]
const waits = (name: string, reason: string) =>
  until(`${name} waits with ${reason}`, async () => (await status(name))?.state?.waiting?.reason === reason)
const hasEvent = (name: string, pattern: RegExp) =>
  until(`${name} has the event ${pattern}`, async () => pattern.test(await cluster.kubectl(`events --for pod/${name}`)))

describe('images', { concurrency: 3 }, () => {
  test('an image that the node does not have is pulled by its tag and by its digest', async () => {
    const image = `${registry.name}/tools/busybox:1`
    await pod('by-tag', image)
    await ready('by-tag')
    await hasEvent('by-tag', new RegExp(`Pulling image "${image}"`))
    await hasEvent(
      'by-tag',
      /Successfully pulled image ".*" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\./,
    )
    const { imageID = '', image: shown } = (await status('by-tag')) ?? {}
    assert.equal(shown, image)
    const digest = /sha256:[0-9a-f]{64}$/.exec(imageID)?.[0]
    assert.ok(digest, imageID)
    await pod('by-digest', `${registry.name}/tools/busybox@${digest}`)
    await ready('by-digest')
    await until('the node lists it', async () =>
      (await cluster.get<Node>('node/node1')).status?.images?.some((entry) => entry.names?.includes(image)),
    )
  })

  test('IfNotPresent takes what is there; Always asks the registry; Never does not', async () => {
    await pod('present', 'busybox:latest', 'IfNotPresent')
    await ready('present')
    await hasEvent('present', /Container image "busybox:latest" already present on machine/)
    await registry.push('busybox:latest', 'tools/again:1')
    await pod('always', `${registry.name}/tools/again:1`, 'Always')
    await ready('always')
    await hasEvent('always', /Successfully pulled image/)
    await pod('never', `${registry.name}/tools/absent:1`, 'Never')
    await waits('never', 'ErrImageNeverPull')
    await hasEvent('never', /Container image ".*\/absent:1" is not present with pull policy of Never/)
  })

  test('a tag that is not in the registry: ErrImagePull, ImagePullBackOff, and running once it is', async () => {
    const image = `${registry.name}/tools/later:1`
    await pod('later', image)
    await waits('later', 'ErrImagePull')
    await hasEvent('later', /Warning +Failed .*Failed to pull image ".*later:1": .*(not found|manifest unknown)/)
    await waits('later', 'ImagePullBackOff')
    await hasEvent('later', /Back-off pulling image ".*later:1"/)
    assert.match(await cluster.kubectl('get pod later'), /later +0\/1 +ImagePullBackOff +0/)
    await registry.push('busybox:latest', 'tools/later:1')
    await ready('later')
    assert.equal((await status('later'))?.restartCount, 0)
  })

  test('a registry that does not answer, and a name that is none', async () => {
    await pod('unreachable', '127.0.0.1:1/nothing:1')
    await waits('unreachable', 'ErrImagePull')
    await waits('unreachable', 'ImagePullBackOff')
    await hasEvent('unreachable', /Failed to pull image "127\.0\.0\.1:1\/nothing:1": .*connection refused/)
    await pod('nameless', 'No_Such:Name:1')
    await waits('nameless', 'InvalidImageName')
    await cluster.kubectl('delete pod unreachable nameless --now')
  })
})
