// Helm, unmodified, two generations (3 and 4): the life of a release on a real cluster.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type ClientTools, clientTools } from './client-tools.ts'
import { type Cluster, clusterOn } from './cluster.ts'
import { ensureTools, type Host, type RunResult, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

const chart = join(import.meta.dirname, '../fixtures/chart')

ensureTools()
const generations = ([32, 36] as const).flatMap((minor) => clientTools(minor) ?? [])

describe('Helm', { skip: generations.length === 0 && 'no helm can be had here' }, () => {
  let host: Host
  let cluster: Cluster
  before(async () => {
    host = startHost('helm')
    cluster = clusterOn(host, kubectls().at(-1)!.path)
    const { code, stderr } = await cluster.skiff('up')
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    const down = await cluster.skiff('down', '--purge')
    host.stop()
    assert.equal(down.code, 0, down.stdout + down.stderr)
  })
  for (const [index, tools] of generations.entries())
    describe(`generation ${index + 1}`, () => life(tools, `h${index}`))

  function life(tools: ClientTools, ns: string): void {
    const tryHelm = (...args: string[]): Promise<RunResult> =>
      host.run([tools.helm, '--kubeconfig', cluster.kubeconfig, '-n', ns, ...args], {
        env: { HOME: host.dir, HELM_CACHE_HOME: host.dir, HELM_CONFIG_HOME: host.dir, HELM_DATA_HOME: host.dir },
      })
    const helm = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await tryHelm(...args)
      assert.equal(code, 0, `helm ${args.join(' ')}\n${stdout}${stderr}`)
      return stdout
    }
    const page = async () => {
      await cluster.kubectl(`-n ${ns} rollout status deployment/web --timeout=30s`)
      return cluster.kubectl(`get --raw /api/v1/namespaces/${ns}/services/web/proxy/`)
    }

    test('install runs the hooks, waits until the pods are ready and records the release', async () => {
      const version = await helm('version', '--short')
      console.log(version.trim())
      assert.match(await helm('install', 'web', chart, '--create-namespace', '--wait', '--timeout', '40s'), /deployed/)
      assert.equal(await page(), 'hello from revision 1\n')
      assert.match(
        await cluster.kubectl(`-n ${ns} get secret -l owner=helm`),
        /sh\.helm\.release\.v1\.web\.v1 +helm\.sh/,
      )
      const prepare = await cluster.tryKubectl(`-n ${ns} get pod web-prepare`)
      assert.match(prepare.stderr, /NotFound/)
    })

    test('a dry run on the server and a template with validation change nothing', async () => {
      const { stdout } = await tryHelm('upgrade', 'web', chart, '--set', 'text=never', '--dry-run=server')
      assert.match(stdout, /never from revision 2/)
      assert.equal(await page(), 'hello from revision 1\n')
    })

    test('upgrade rolls the change out, and again with nothing changed', async () => {
      await helm('upgrade', 'web', chart, '--set', 'text=good-day,replicas=1', '--wait', '--timeout', '40s')
      assert.equal(await page(), 'good-day from revision 2\n')
      assert.equal(await cluster.kubectl(`-n ${ns} get deployment web -o jsonpath={.spec.replicas}`), '1')
    })

    test('an upgrade that cannot become ready is rolled back', async () => {
      const [major] = (await helm('version', '--template', '{{.Version}}')).replace('v', '').split('.')
      const back = major === '3' ? '--atomic' : '--rollback-on-failure'
      const args = ['--set', 'image=busybox:nowhere', '--wait', '--timeout', '4s', back]
      const { code, stderr } = await tryHelm('upgrade', 'web', chart, ...args)
      assert.notEqual(code, 0)
      assert.match(stderr, /rolled back|rollback/i)
      assert.equal(
        await cluster.kubectl(`-n ${ns} get deployment web -o jsonpath={.spec.template.spec.containers[0].image}`),
        'nginx:alpine',
      )
    })

    test('custom resources come with their definition, are looked up from, and refuse what is wrong', async () => {
      const gadget = (path: string) => cluster.kubectl(`-n ${ns} get gadget web -o jsonpath={${path}}`)
      const uid = await cluster.kubectl('get namespace kube-system -o jsonpath={.metadata.uid}')
      assert.equal(await gadget('.metadata.annotations.looked-up'), uid)
      const { code, stderr } = await tryHelm('upgrade', 'web', chart, '--set', 'size=9')
      assert.notEqual(code, 0)
      assert.match(stderr, /spec\.size in body should be less than or equal to 5/)
      await helm('upgrade', 'web', chart, '--set', 'size=2', '--wait', '--timeout', '40s')
      assert.equal(await gadget('.spec.size'), '2')
      assert.match(await helm('get', 'all', 'web'), /kind: Gadget/)
      assert.match(await helm('template', 'web', chart, '--validate'), /looked-up: "nothing"|kind: Gadget/)
    })

    test('test runs the test pods', async () => {
      assert.match(await helm('test', 'web', '--timeout', '30s'), /Phase: +Succeeded/)
    })

    test('rollback, history, status, get and list show the life of the release', async () => {
      await helm('rollback', 'web', '1', '--wait', '--timeout', '40s')
      assert.match(await page(), /^hello from revision 1\n$/)
      assert.match(await helm('history', 'web'), /superseded[\s\S]*failed[\s\S]*Rollback to 1/i)
      assert.match(await helm('status', 'web'), /STATUS: deployed/)
      assert.match(await helm('get', 'manifest', 'web'), /kind: Deployment/)
      assert.match(await helm('list'), /web\s+\S+\s+\d+\s.*deployed\s+page-0\.1\.0/)
    })

    test('uninstall removes all of it', async () => {
      await helm('uninstall', 'web', '--wait')
      assert.equal(await cluster.kubectl(`-n ${ns} get deployment,service -o name`), '')
      assert.equal(await cluster.kubectl(`-n ${ns} get secret -l owner=helm -o name`), '')
    })
  }
})
