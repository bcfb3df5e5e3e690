// The main job as a user does it: the launcher, nginx behind a Service, a second run, status, stop, start, purge.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Cluster, clusterOn } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

let host: Host
let cluster: Cluster
before(() => {
  host = startHost('main')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
})
after(async () => {
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

async function docker(...args: string[]): Promise<string[]> {
  const { stdout } = await host.run(['docker', ...args])
  return stdout.split('\n').filter((line) => line !== '')
}

test('up --demo brings nginx behind a Service that answers', async () => {
  const { code, stdout, stderr } = await cluster.skiff('up', '--demo')
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /Hello from Skiff/)
  const url = /^(http:\S+) says:/m.exec(stdout)?.[1]
  assert.ok(url, stdout)
  assert.match(stdout, new RegExp(`kubeconfig: ${cluster.kubeconfig}`))
  assert.equal(stdout.split('Try next:')[1]!.trim().split('\n').length, 3)
  assert.match(stderr, /node Ready +\d+\.\d s/)
  const page = await host.run(['curl', '-sS', '-m', '5', url])
  assert.match(page.stdout, /Hello from Skiff/)
})

test('docker ps shows pods by their names', async () => {
  const names = await docker('ps', '--format', '{{.Names}}')
  assert.equal(names.filter((name) => /^k8s_nginx_hello-.*_default_/.test(name)).length, 2, names.join('\n'))
  assert.equal(
    (
      await docker(
        'ps',
        '-q',
        '--filter',
        'label=io.kubernetes.pod.namespace=default',
        '--filter',
        'label=io.kubernetes.container.name=nginx',
      )
    ).length,
    2,
  )
})

test('a second up finds everything in place within 2 s', async () => {
  const began = performance.now()
  const { code, stdout, stderr } = await cluster.skiff('up')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /Already running/)
  assert.ok(performance.now() - began < 2000, `took ${performance.now() - began} ms`)
})

test('a second up with other settings changes nothing and says so', async () => {
  const { code, stderr } = await cluster.skiff('up', '--api-port', '7443')
  assert.equal(code, 1)
  assert.match(stderr, /apiPort 6443, not 7443/)
})

test('another cluster is refused the port that is taken', async () => {
  const other = clusterOn(host, kubectls()[0]!.path, {
    dataDir: `${host.dir}/other`,
    flags: ['--name', 'other', '--pod-cidr', '10.245.0.0/16', '--service-cidr', '10.112.0.0/16'],
  })
  const { code, stderr } = await other.skiff('up')
  assert.equal(code, 1)
  assert.match(stderr, /port 6443 is already taken/)
  assert.ok(!existsSync(`${host.dir}/other/db`))
})

test('a second cluster lives beside the first', async () => {
  const flags = [
    '--name',
    'other',
    '--api-port',
    '7443',
    '--agent-port',
    '11250',
    '--pod-cidr',
    '10.245.0.0/16',
    '--service-cidr',
    '10.112.0.0/16',
  ]
  const other = clusterOn(host, kubectls()[0]!.path, { dataDir: `${host.dir}/other`, flags })
  const up = await other.skiff('up', '--demo')
  assert.equal(up.code, 0, up.stderr + up.stdout)
  const down = await other.skiff('down', '--purge')
  assert.equal(down.code, 0, down.stderr)
  assert.ok(!existsSync(`${host.dir}/other`))
  assert.match(await cluster.kubectl('get deployment hello'), /2\/2/)
})

test('status says what runs and that nothing is wrong', async () => {
  const { code, stdout } = await cluster.skiff('status')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /node node1 +Ready/)
  assert.match(stdout, /pods +2 Running/)
  assert.match(stdout, /Nothing is wrong/)
  const report = JSON.parse((await cluster.skiff('status', '--json')).stdout) as { processes: Record<string, number> }
  assert.ok(report.processes['server']! > 1 && report.processes['agent']! > 1)
})

test('kubeconfig prints what kubectl can use', async () => {
  const { stdout } = await cluster.skiff('kubeconfig')
  assert.match(stdout, /server: https:\/\/127\.0\.0\.1:6443/)
  assert.match(stdout, /client-certificate-data:/)
})

test('down removes what was made and keeps the data; up brings it back; purge removes all', async () => {
  assert.equal((await cluster.skiff('down')).code, 0)
  assert.deepEqual(await docker('ps', '-aq'), [])
  assert.deepEqual(
    (await docker('network', 'ls', '--format', '{{.Name}}')).filter((name) => name.startsWith('skiff')),
    [],
  )
  const { stdout: tables } = await host.run(['nft', 'list', 'tables'])
  assert.doesNotMatch(tables, /skiff/)
  const { stdout: mounts } = await host.run(['cat', '/proc/mounts'])
  assert.ok(!mounts.includes(cluster.dataDir), mounts)
  const { stdout: rules } = await host.run(['iptables', '-S'])
  assert.doesNotMatch(rules, /skiff/)
  assert.ok(existsSync(`${cluster.dataDir}/db`))
  assert.match((await cluster.skiff('status')).stdout, /stopped: start it with "skiff up"/)
  const up = await cluster.skiff('up')
  assert.equal(up.code, 0, up.stderr)
  await cluster.kubectl('wait deployment/hello --for=condition=Available --timeout=60s')
  assert.equal((await cluster.skiff('down', '--purge')).code, 0)
  assert.ok(!existsSync(cluster.dataDir))
  const nothing = await cluster.skiff('status')
  assert.equal(nothing.code, 1)
  assert.match(nothing.stderr, /there is no cluster in/)
})
