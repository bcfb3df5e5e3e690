// Services and the cluster's DNS as pods and the node see them: every type, affinity, names of every kind, and how they follow changes.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../src/api/kinds/pod.ts'
import type { Service } from '../../src/api/kinds/service.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

const DNS = '10.96.0.10'

let host: Host
let cluster: Cluster
before(async () => {
  host = startHost('services')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
  const { code, stderr } = await cluster.skiff('up')
  assert.equal(code, 0, stderr)
  await cluster.apply(BACKENDS)
  await cluster.kubectl('wait --for=condition=Ready pod --all --timeout=60s', { timeoutMs: 70_000 })
})
after(async () => {
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

/** Serves its own name at /name. */
const backend = (name: string, spec = '') => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 0
${spec}  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "mkdir /www; hostname >/www/name; touch /www/ready; exec httpd -f -p 8080 -h /www"]
    ports: [{ name: http, containerPort: 8080 }]
    readinessProbe: { exec: { command: [test, -e, /www/ready] }, periodSeconds: 1, failureThreshold: 1 }
---
`
const service = (name: string, spec: string) => `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ${spec} }
---
`
const WEB = 'selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }]'
const BACKENDS = [
  backend('web-a'),
  backend('web-b'),
  backend('web-c', '  hostname: third\n  subdomain: headless\n'),
  service('web', WEB),
  service('sticky', `${WEB}, sessionAffinity: ClientIP`),
  service('headless', `${WEB}, clusterIP: None`),
  service('empty', 'selector: { app: nobody }, ports: [{ port: 80 }]'),
  service('elsewhere', 'type: ExternalName, externalName: web.default.svc.cluster.local'),
  service('node', `type: NodePort, selector: { app: web }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }]`),
  `apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: main, image: busybox:latest, imagePullPolicy: IfNotPresent, command: [sleep, "36000"] }]
`,
].join('')

const ALL = ['third', 'web-a', 'web-b']
const fromPod = (url: string) => cluster.sh('client', `curl -sS -m 3 ${url}`)
const fromHost = async (url: string) => (await host.run(['curl', '-sS', '-m', '3', url])).stdout
/** Who answers, in several tries. */
async function answering(ask: () => Promise<string>, times = 40): Promise<string[]> {
  const names = new Set<string>()
  for (let i = 0; i < times && names.size < ALL.length; i++) names.add((await ask()).trim())
  return [...names].sort()
}
const dig = async (...args: string[]) => {
  const { stdout } = await host.run(['dig', '+short', '+tries=1', '+time=3', `@${DNS}`, ...args])
  return stdout.trim().split('\n').sort()
}
const ip = async (name: string) => (await cluster.get<Pod>(`pod/${name}`)).status?.podIP ?? ''
const clusterIP = async (name: string) => (await cluster.get<Service>(`service/${name}`)).spec?.clusterIP ?? ''

describe('Services', () => {
  test('a ClusterIP leads from pods and from the node to every pod behind it', async () => {
    const url = `http://${await clusterIP('web')}/name`
    assert.deepEqual(await answering(() => fromHost(url)), ALL)
    assert.deepEqual(await answering(() => fromPod(url)), ALL)
    assert.deepEqual(
      await answering(() => cluster.sh('web-a', `curl -sS -m 3 ${url}`)),
      ALL,
      'a pod reaches itself, too',
    )
  })

  test('session affinity keeps a client with one pod', async () => {
    const url = `http://${await clusterIP('sticky')}/name`
    const first = (await fromPod(url)).trim()
    for (let i = 0; i < 8; i++) assert.equal((await fromPod(url)).trim(), first)
    await cluster.kubectl('patch service sticky -p {"spec":{"sessionAffinity":"None"}}')
    await until('others answer, too', async () => (await answering(() => fromHost(url))).length > 1)
  })

  test('a NodePort answers on the address of the node, on localhost and from pods', async () => {
    for (const address of [host.address, '127.0.0.1'])
      assert.ok(ALL.includes((await fromHost(`http://${address}:30080/name`)).trim()), address)
    assert.ok(ALL.includes((await fromPod(`http://${host.address}:30080/name`)).trim()))
  })

  test('a Service without endpoints refuses connections at once', async () => {
    const url = `http://${await clusterIP('empty')}/`
    assert.equal((await host.run(['curl', '-sS', '-m', '3', url])).code, 7)
    assert.match(await cluster.sh('client', `curl -sS -m 3 ${url} 2>&1; echo code $?`), /code 7/)
  })

  test('endpoints follow readiness and deletion', async () => {
    const url = `http://${await clusterIP('web')}/name`
    const addresses = async () => (await dig('headless.default.svc.cluster.local')).length
    assert.equal(await addresses(), 3)
    await cluster.sh('web-a', 'rm /www/ready')
    await until('two are left', async () => (await addresses()) === 2)
    const left = await answering(() => fromHost(url), 16)
    assert.ok(!left.includes('web-a'), String(left))
    await cluster.sh('web-a', 'touch /www/ready')
    await until('it is back', async () => (await addresses()) === 3)
    await cluster.kubectl('delete pod web-b --now')
    await until('two are left', async () => (await addresses()) === 2)
    for (let i = 0; i < 8; i++) assert.ok(['web-a', 'third'].includes((await fromHost(url)).trim()))
    await cluster.apply(backend('web-b'))
    await until('it is back', async () => (await addresses()) === 3)
  })

  test('a Service changes its type and ports while it is used', async () => {
    await cluster.apply(service('changing', WEB))
    const address = await clusterIP('changing')
    assert.ok(ALL.includes((await fromHost(`http://${address}/name`)).trim()))
    await cluster.kubectl('patch service changing -p {"spec":{"type":"NodePort"}}')
    const { spec } = await cluster.get<Service>('service/changing')
    const nodePort = spec?.ports?.[0]?.nodePort
    assert.ok(nodePort && nodePort >= 30_000)
    await until('the node port answers', async () =>
      ALL.includes((await fromHost(`http://${host.address}:${nodePort}/name`)).trim()),
    )
    await cluster.kubectl(
      'patch service changing --type=json -p [{"op":"replace","path":"/spec/ports/0/port","value":81}]',
    )
    await until('the new port answers', async () => ALL.includes((await fromHost(`http://${address}:81/name`)).trim()))
    assert.notEqual((await host.run(['curl', '-sS', '-m', '2', `http://${address}/name`])).code, 0)
    await cluster.kubectl(
      'patch service changing -p {"spec":{"type":"ExternalName","externalName":"example.test","clusterIP":null,"clusterIPs":null}}',
    )
    assert.equal((await cluster.get<Service>('service/changing')).spec?.clusterIP ?? '', '')
    await until(
      'nothing answers there',
      async () => (await host.run(['curl', '-sS', '-m', '2', `http://${host.address}:${nodePort}/`])).code !== 0,
    )
    await cluster.kubectl('patch service changing -p {"spec":{"type":"ClusterIP","externalName":null}}')
    const again = await clusterIP('changing')
    await until('it answers again', async () => ALL.includes((await fromHost(`http://${again}:81/name`)).trim()))
    await cluster.kubectl('delete service changing')
    await until(
      'its address is gone',
      async () => (await host.run(['curl', '-sS', '-m', '2', `http://${again}:81/`])).code !== 0,
    )
  })

  test('kubernetes.default is the API server, from pods and by its address', async () => {
    const CA = '--cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt'
    for (const name of [
      'kubernetes.default',
      'kubernetes',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      '10.96.0.1',
    ])
      assert.match(await cluster.sh('client', `curl -sS -m 3 ${CA} https://${name}/version`), /"gitVersion"/, name)
  })
})

describe('DNS', () => {
  test('pods are given the search path and the address of the cluster', async () => {
    assert.equal(
      await cluster.sh('client', 'head -3 /etc/resolv.conf'),
      `search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver ${DNS}\noptions ndots:5\n`,
    )
    for (const name of [
      'web',
      'web.default',
      'web.default.svc',
      'web.default.svc.cluster.local',
      'elsewhere',
      'headless',
    ])
      assert.ok(ALL.includes((await fromPod(`http://${name}${name === 'headless' ? ':8080' : ''}/name`)).trim()), name)
    assert.match(
      await cluster.sh('client', 'nslookup web.default.svc.cluster.local'),
      new RegExp(`Address: ${await clusterIP('web')}`),
    )
  })

  test('A, SRV and PTR records of Services', async () => {
    const address = await clusterIP('web')
    assert.deepEqual(await dig('web.default.svc.cluster.local'), [address])
    assert.deepEqual(await dig('SRV', '_http._tcp.web.default.svc.cluster.local'), [
      '0 100 80 web.default.svc.cluster.local.',
    ])
    assert.deepEqual(await dig('-x', address), ['web.default.svc.cluster.local.'])
    assert.deepEqual(await dig('+tcp', 'web.default.svc.cluster.local'), [address])
    assert.deepEqual(await dig('AAAA', 'web.default.svc.cluster.local'), [''])
  })

  test('headless Services name their pods', async () => {
    const addresses = await Promise.all(['web-a', 'web-b', 'web-c'].map(ip))
    assert.deepEqual(await dig('headless.default.svc.cluster.local'), [...addresses].sort())
    assert.deepEqual(await dig('third.headless.default.svc.cluster.local'), [addresses[2]])
    assert.equal(await cluster.sh('web-c', 'hostname -f'), 'third.headless.default.svc.cluster.local\n')
    const records = await dig('SRV', '_http._tcp.headless.default.svc.cluster.local')
    assert.equal(records.length, 3)
    assert.ok(
      records.some((record) => /^0 \d+ 8080 third\.headless\.default\.svc\.cluster\.local\.$/.test(record)),
      records.join('\n'),
    )
    assert.ok((await dig('-x', addresses[2]!)).includes('third.headless.default.svc.cluster.local.'))
    const dashed = addresses[0]!.replaceAll('.', '-')
    assert.deepEqual(await dig(`${dashed}.default.pod.cluster.local`), [addresses[0]])
  })

  test('an ExternalName is an alias', async () => {
    const answer = await dig('elsewhere.default.svc.cluster.local')
    assert.deepEqual(answer, [await clusterIP('web'), 'web.default.svc.cluster.local.'].sort())
    await cluster.kubectl('patch service elsewhere -p {"spec":{"externalName":"other.example.test"}}')
    await until(
      'it is another',
      async () => (await dig('CNAME', 'elsewhere.default.svc.cluster.local'))[0] === 'other.example.test.',
    )
    await cluster.kubectl('patch service elsewhere -p {"spec":{"externalName":"web.default.svc.cluster.local"}}')
  })

  test('what does not exist in the cluster is NXDOMAIN; other names without an upstream fail quickly', async () => {
    const status = async (name: string) => (await host.run(['dig', '+tries=1', '+time=5', `@${DNS}`, name])).stdout
    assert.match(await status('nosuch.default.svc.cluster.local'), /status: NXDOMAIN/)
    assert.match(await status('nosuch.default.svc.cluster.local'), /\tSOA\t/)
    assert.match(await status('default.svc.cluster.local'), /status: NOERROR/)
    const began = performance.now()
    assert.match(await status('name.example.test'), /status: (SERVFAIL|NXDOMAIN|REFUSED)/)
    assert.ok(performance.now() - began < 5000)
  })

  test('dnsPolicy and dnsConfig decide what a pod asks', async () => {
    await cluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: own-dns }
spec:
  terminationGracePeriodSeconds: 0
  dnsPolicy: None
  dnsConfig: { nameservers: [${DNS}], searches: [default.svc.cluster.local], options: [{ name: ndots, value: "1" }] }
  hostAliases: [{ ip: 127.0.0.1, hostnames: [alias.test] }]
  containers: [{ name: main, image: busybox:latest, imagePullPolicy: IfNotPresent, command: [sleep, "36000"] }]
`)
    await cluster.kubectl('wait --for=condition=Ready pod/own-dns --timeout=20s')
    assert.equal(
      await cluster.sh('own-dns', 'cat /etc/resolv.conf'),
      `search default.svc.cluster.local\nnameserver ${DNS}\noptions ndots:1\n`,
    )
    assert.match(await cluster.sh('own-dns', 'cat /etc/hosts'), /^127\.0\.0\.1\talias\.test$/m)
    assert.ok(ALL.includes((await cluster.sh('own-dns', 'curl -sS -m 3 http://web/name')).trim()))
  })
})
