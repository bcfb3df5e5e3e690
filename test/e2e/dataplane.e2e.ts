// What every dataplane must do, tried on real traffic between containers, the host and its addresses.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import type { ServicePortRule } from '../../src/proxy/services/table.ts'
import { until } from './cluster.ts'
import { type Host, startHost } from './host.ts'

const POD_CIDR = '10.250.0.0/24'
const BRIDGE = 'skiff-test'
const VIP = '10.96.0.50'

let host: Host
const pods: { name: string; ip: string }[] = []

before(async () => {
  host = startHost('dataplane')
  await docker('network', 'create', '--subnet', POD_CIDR, '-o', `com.docker.network.bridge.name=${BRIDGE}`, 'pods')
  for (const name of ['pod-a', 'pod-b', 'pod-c']) {
    const serve = `mkdir -p /www/cgi-bin && printf '#!/bin/sh\\necho; echo ${name} $REMOTE_ADDR\\n' > /www/cgi-bin/who && chmod +x /www/cgi-bin/who && exec httpd -f -p 8080 -h /www`
    await docker('run', '-d', '--name', name, '--network', 'pods', 'busybox', 'sh', '-c', serve)
    const ip = (await docker('inspect', '-f', '{{.NetworkSettings.Networks.pods.IPAddress}}', name)).trim()
    pods.push({ name, ip })
  }
  // As the agent does for its own: a pod that reaches itself goes out and in by the same port of the bridge.
  const ports = (await host.run(['ip', '-o', 'link', 'show', 'master', BRIDGE])).stdout.matchAll(/^\d+: ([^@:]+)/gm)
  for (const [, port] of ports)
    assert.equal((await host.run(['ip', 'link', 'set', port!, 'type', 'bridge_slave', 'hairpin', 'on'])).code, 0)
  await until('the servers listen', async () =>
    (
      await Promise.all(pods.map(({ ip }) => host.run(['curl', '-s', '-m', '1', `http://${ip}:8080/cgi-bin/who`])))
    ).every((r) => r.code === 0),
  )
})
after(() => host?.stop())

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.run(['docker', ...args])
  assert.equal(code, 0, stderr)
  return stdout
}

/** What a server answers: its name and the client's address as it saw it; undefined when it was refused or nothing came. */
type Answer = { server: string; client: string } | undefined
const parsed = (text: string): Answer => {
  const [server, client] = text.trim().split(' ')
  return server ? { server, client: (client ?? '').replace('::ffff:', '').replace(/[[\]]/g, '') } : undefined
}
async function fromHost(address: string): Promise<Answer> {
  return parsed((await host.run(['curl', '-s', '-m', '2', `http://${address}/cgi-bin/who`])).stdout)
}
async function fromPod(pod: string, address: string): Promise<Answer> {
  return parsed(
    (await host.run(['docker', 'exec', pod, 'curl', '-s', '-m', '2', `http://${address}/cgi-bin/who`])).stdout,
  )
}
/** A node program in the pod's network namespace. */
async function nodeIn(pod: string, script: string): Promise<string[]> {
  const pid = (await docker('inspect', '-f', '{{.State.Pid}}', pod)).trim()
  return ['nsenter', '-t', pid, '-n', process.execPath, '-e', script]
}
const UDP_ECHO = `const s=require('dgram').createSocket('udp4');s.on('message',(m,r)=>s.send('echo '+m,r.port,r.address));s.bind(5353,()=>console.log('bound'))`
const udpAsk = (ip: string) =>
  `const s=require('dgram').createSocket('udp4');s.on('message',m=>{console.log(String(m));process.exit()});setTimeout(()=>process.exit(1),2000);s.send('hello',5300,'${ip}')`
async function several<T>(count: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: T[] = []
  for (let i = 0; i < count; i++) answers.push(await ask())
  return answers
}
const backends = (port = 8080, which = pods) => which.map(({ ip }) => ({ ip, port, local: true }))

function rule(change: Partial<ServicePortRule> = {}): ServicePortRule {
  return {
    id: 'blue/web:',
    protocol: 'TCP',
    virtualIPs: [{ ip: VIP, port: 80, external: false }],
    nodePort: 30080,
    backends: backends(),
    externalBackends: backends(),
    preserveClientIP: false,
    affinitySeconds: 0,
    sourceRanges: [],
    ...change,
  }
}

for (const kind of ['nftables', 'userspace'] as const) {
  describe(kind, { concurrency: 1 }, () => {
    let driver: ChildProcess
    let answers: AsyncIterator<string>
    const start = () => {
      driver = spawn(
        join(import.meta.dirname, '../testbed/host.sh'),
        ['run', host.name, process.execPath, join(import.meta.dirname, 'dataplane-driver.ts'), kind, POD_CIDR, BRIDGE],
        {
          stdio: ['pipe', 'pipe', 'inherit'],
          env: { ...process.env, SKIFF_TESTBED_DIR: host.dir },
        },
      )
      answers = createInterface({ input: driver.stdout! })[Symbol.asyncIterator]()
    }
    const tell = async (line: string) => {
      driver.stdin!.write(`${line}\n`)
      assert.equal((await answers.next()).value, 'ok')
    }
    const apply = (...rules: ServicePortRule[]) => tell(JSON.stringify(rules))
    const end = async () => {
      driver.stdin!.end()
      await once(driver, 'exit')
    }
    before(start)
    after(async () => {
      await tell('remove')
      await end()
    })

    test('a cluster address leads pods and the host to every backend', async () => {
      await apply(rule())
      const names = new Set((await several(30, () => fromPod('pod-a', VIP))).map((a) => a?.server))
      assert.deepEqual([...names].sort(), ['pod-a', 'pod-b', 'pod-c'])
      assert.ok(await fromHost(VIP))
    })

    test('a node port answers on the node’s address and on localhost', async () => {
      assert.ok(await fromHost(`${host.address}:30080`))
      assert.ok(await fromHost('127.0.0.1:30080'))
      assert.ok(await fromPod('pod-b', `${host.address}:30080`))
    })

    test('a pod reaches itself through its Service', async () => {
      await apply(rule({ backends: backends(8080, pods.slice(0, 1)) }))
      const answer = await fromPod('pod-a', VIP)
      assert.equal(answer?.server, 'pod-a')
    })

    test('a changed backend takes effect for the next connection', async () => {
      await apply(rule({ backends: backends(8080, pods.slice(1, 2)) }))
      assert.deepEqual([...new Set((await several(5, () => fromPod('pod-a', VIP))).map((a) => a?.server))], ['pod-b'])
    })

    test('client affinity stays with one backend', async () => {
      await apply(rule({ affinitySeconds: 60 }))
      assert.equal(new Set((await several(10, () => fromPod('pod-a', VIP))).map((a) => a?.server)).size, 1)
      assert.equal(new Set((await several(10, () => fromHost('127.0.0.1:30080'))).map((a) => a?.server)).size, 1)
    })

    test('a Service without backends refuses at once', async () => {
      await apply(rule({ backends: [], externalBackends: [] }))
      const began = performance.now()
      assert.equal((await host.run(['curl', '-s', '-m', '5', `http://${VIP}/`])).stdout, '', 'the cluster address')
      assert.equal((await host.run(['curl', '-s', '-m', '5', 'http://127.0.0.1:30080/'])).stdout, '')
      assert.equal(await fromPod('pod-a', VIP), undefined)
      assert.ok(performance.now() - began < 4000, 'nothing waited for a time-out')
    })

    test('UDP is forwarded', async () => {
      await apply(
        rule({
          id: 'blue/udp:',
          protocol: 'UDP',
          virtualIPs: [{ ip: VIP, port: 5300, external: false }],
          nodePort: 0,
          backends: backends(5353, pods.slice(1, 2)),
        }),
      )
      const server = spawn(
        join(import.meta.dirname, '../testbed/host.sh'),
        ['run', host.name, ...(await nodeIn('pod-b', UDP_ECHO))],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, SKIFF_TESTBED_DIR: host.dir },
        },
      )
      try {
        await once(server.stdout!, 'data')
        const { stdout, stderr } = await host.run(await nodeIn('pod-a', udpAsk(VIP)))
        assert.equal(stdout, 'echo hello\n', stderr)
      } finally {
        server.kill()
      }
    })

    if (kind === 'nftables') {
      test('pods see each other’s own addresses through a Service', async () => {
        await apply(rule({ backends: backends(8080, pods.slice(1, 2)) }))
        assert.deepEqual(await fromPod('pod-a', VIP), { server: 'pod-b', client: pods[0]!.ip })
      })

      test('an address of the cluster refuses ports that the Service doesn’t have', async () => {
        const { code } = await host.run(['curl', '-s', '-m', '5', `http://${VIP}:81/`])
        assert.equal(code, 7)
      })

      test('rules outlive the process, and a new one takes over whatever is there', async () => {
        await end()
        assert.ok(await fromPod('pod-a', VIP))
        start()
        await apply(rule({ backends: backends(8080, pods.slice(2)) }))
        assert.equal((await fromPod('pod-a', VIP))?.server, 'pod-c')
      })
    }

    test('remove leaves no rule, no listener and no address', async () => {
      await apply(rule())
      await tell('remove')
      assert.equal(await fromHost('127.0.0.1:30080'), undefined)
      assert.doesNotMatch((await host.run(['nft', 'list', 'tables'])).stdout, /skiff-test/)
      assert.doesNotMatch((await host.run(['iptables', '-S'])).stdout, new RegExp(`${BRIDGE}.*DNAT`))
      assert.ok(!(await host.run(['ip', 'addr', 'show', 'lo'])).stdout.includes(VIP))
    })
  })
}
