// The suite, and what only Docker has, on a real engine. SKIFF_TEST_DOCKER names its socket; it must have `busybox:latest`, and tests must
// run as root in its network namespace (test/testbed/host.sh). Without it they are skipped.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { silentLogger } from '../../base/log.ts'
import type { ContainerConfig, PodSandbox, PodSandboxConfig } from '../cri/runtime.ts'
import {
  containerConfig,
  finished,
  runtimeSuite,
  sandboxConfig,
  script,
  testCtx,
  textOf,
} from '../cri/runtime-suite.ts'
import { createDockerRuntime, type DockerRuntime } from './docker-runtime.ts'

const socket = process.env['SKIFF_TEST_DOCKER'] ?? ''

const open = (cluster: string, third = 231): DockerRuntime =>
  createDockerRuntime({
    socket,
    cluster,
    podNetwork: {
      name: `skiff-${cluster}`,
      subnet: `10.${third}.0.0/24`,
      bridge: `skiff-${cluster}`.slice(0, 15),
      gateway: `10.${third}.0.1`,
    },
    log: silentLogger,
  })

test('an engine that is not there is Unavailable', async () => {
  const { runtime } = createDockerRuntime({
    socket: '/nonexistent/docker.sock',
    cluster: 'x',
    podNetwork: { name: 'x', subnet: '10.9.0.0/24', bridge: 'x', gateway: '10.9.0.1' },
    log: silentLogger,
  })
  await assert.rejects(runtime.listPodSandboxes(testCtx()), { code: 'Unavailable' })
  await assert.rejects(
    async () => {
      for await (const _event of runtime.events(testCtx(), () => undefined));
    },
    { code: 'Unavailable' },
  )
})

if (socket) {
  runtimeSuite('docker', async () => {
    const docker = open('suite')
    await docker.removeAll(testCtx())
    return {
      runtime: docker.runtime,
      images: docker.images,
      image: 'busybox:latest',
      close: async () => {
        await docker.removeAll(testCtx())
        docker.close()
      },
    }
  })

  describe('docker', () => {
    const docker = open('more', 232)
    const { runtime, images } = docker
    let imageId = ''
    let counter = 0
    before(async () => {
      await docker.removeAll(testCtx())
      imageId = (await images.imageStatus(testCtx(), 'busybox'))?.id ?? ''
    })
    after(async () => {
      await docker.removeAll(testCtx())
      docker.close()
    })
    const sandbox = (over: Partial<PodSandboxConfig> = {}) =>
      runtime.runPodSandbox(testCtx(), sandboxConfig(`more-${++counter}`, over))
    const linux = (over: Partial<PodSandboxConfig['linux']>) => ({
      linux: { ...sandboxConfig('x').linux, ...over },
    })
    const run = async (box: PodSandbox, over: Partial<ContainerConfig>, name = 'main') => {
      const id = await runtime.createContainer(testCtx(), box, containerConfig(imageId, name, over))
      await runtime.startContainer(testCtx(), id)
      return id
    }
    const security = (over: Partial<ContainerConfig['security']>) => ({
      security: { ...containerConfig('', 'x').security, ...over },
    })
    const output = async (box: PodSandbox, over: Partial<ContainerConfig>, name = `job-${++counter}`) => {
      let text = ''
      for await (const line of runtime.logs(testCtx(), await run(box, over, name), { follow: true }))
        text += Buffer.from(line.bytes).toString()
      return text
    }
    const upSandbox = async (over: Partial<ContainerConfig>) => {
      const box = await sandbox()
      const id = await run(box, over)
      for await (const _line of runtime.logs(testCtx(), id, { follow: true })) break
      return { box, id }
    }

    test('resolv.conf, host name and interface are what the pod was given', async () => {
      const box = await sandbox({ hostname: 'web-1' })
      const text = await output(
        box,
        script('cat /etc/resolv.conf; hostname; cat /etc/hosts; ip -4 -o addr show eth0; ip route'),
      )
      assert.match(text, /^nameserver 10\.96\.0\.10$/m)
      assert.match(text, /^search default\.svc\.cluster\.local svc\.cluster\.local$/m)
      assert.match(text, /^options ndots:5$/m)
      assert.match(text, /^web-1$/m)
      assert.match(text, /^127\.0\.0\.1\s+localhost$/m)
      assert.match(text, new RegExp(`^${box.ips[0]}\\s+web-1$`, 'm'))
      assert.ok(text.includes(`inet ${box.ips[0]}/24 `), text)
      assert.match(text, /^default via 10\.232\.0\.1 dev eth0/m)
    })

    test('pods reach each other, their node, and a container of the same pod on localhost', async () => {
      const { box } = await upSandbox(script('echo up; while true; do echo hello | nc -l -p 8080; done'))
      assert.equal(await output(await sandbox(), script(`nc -w 2 ${box.ips[0]} 8080 </dev/null`)), 'hello\n')
      assert.equal(await output(box, script('nc -w 2 127.0.0.1 8080 </dev/null')), 'hello\n')
      const server = createServer((connection) => connection.end('from the node\n')).listen(0, '10.232.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      const { port } = server.address() as { port: number }
      assert.equal(await output(box, script(`nc -w 2 10.232.0.1 ${port} </dev/null`)), 'from the node\n')
      server.close()
    })

    test('a port is forwarded to servers on every address and on the loopback interface alone, and refused without one', async () => {
      const box = await sandbox()
      await run(box, { command: ['nc', '-ll', '-p', '8080', '-e', 'cat'] }, 'everywhere')
      await run(box, { command: ['httpd', '-f', '-p', '127.0.0.1:8081'] }, 'loopback')
      const ask = async (port: number, question: string) => {
        const connection = await connected(() => runtime.portForward(testCtx(), box.id, port))
        connection.end(question)
        let text = ''
        for await (const chunk of connection) text += chunk
        return text
      }
      assert.equal(await ask(8080, 'echo'), 'echo')
      assert.match(await ask(8081, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.[01] \d/)
      await assert.rejects(runtime.portForward(testCtx(), box.id, 9), /connection refused/)
    })

    test('sysctls of the network and of IPC reach the pod', async () => {
      const sysctls = { 'net.ipv4.ip_unprivileged_port_start': '80', 'kernel.shm_rmid_forced': '1' }
      const read = script('cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced')
      assert.equal(await output(await sandbox(linux({ sysctls })), read), '80\n1\n')
    })

    test('a host port is published with the address that the pod has', async () => {
      const box = await sandbox({
        portMappings: [{ protocol: 'TCP', containerPort: 8080, hostPort: 18_232, hostIP: '127.0.0.1' }],
      })
      const id = await run(box, script('echo up; while true; do echo published | nc -l -p 8080; done'))
      for await (const _line of runtime.logs(testCtx(), id, { follow: true })) break
      assert.match(
        await output(box, script('ip -4 -o addr show eth0')),
        new RegExp(`inet ${box.ips[0]?.replaceAll('.', '\\.')}/24 `),
      )
      const { connect } = await import('node:net')
      const text = await connected(async () => {
        let said = ''
        for await (const chunk of connect(18_232, '127.0.0.1')) said += chunk
        assert.equal(said, 'published\n')
        return said
      })
      assert.equal(text, 'published\n')
    })

    test('a pod on the host network has no address of its own', async () => {
      const box = await sandbox(linux({ hostNetwork: true }))
      assert.deepEqual(box.ips, [])
      assert.match(await output(box, script('ip -o link')), /skiff-more/)
    })

    test('the sandbox ends within milliseconds when it is stopped', async () => {
      const box = await sandbox()
      const begin = performance.now()
      await runtime.stopPodSandbox(testCtx(), box.id)
      assert.ok(performance.now() - begin < 900, `took ${performance.now() - begin} ms`)
    })

    test('with a shared process namespace the sandbox is PID 1 and reaps orphans', async () => {
      const box = await sandbox(linux({ shareProcessNamespace: true }))
      const id = await run(box, { command: ['sleep', '3600'] })
      const options = { timeoutMs: 10_000, maxOutputBytes: 10_000 }
      await runtime.execSync(testCtx(), id, ['sh', '-c', '(sleep 0.1 & sleep 0.2 &) ; exit 0'], options)
      const wait = ['sh', '-c', 'sleep 0.5; ps -o pid,stat,comm']
      const { stdout } = await runtime.execSync(testCtx(), id, wait, options)
      const processes = Buffer.from(stdout).toString()
      assert.match(processes, /^\s*1 \S+\s+pause$/m)
      assert.doesNotMatch(processes, / Z/)
    })

    test('a restarted agent finds sandboxes, containers and addresses as they were, and other clusters see nothing', async () => {
      const box = await sandbox(linux({ shareProcessNamespace: true }))
      const id = await run(box, { command: ['sleep', '3600'] })
      const again = open('more', 232)
      const found = (await again.runtime.listPodSandboxes(testCtx())).find((s) => s.id === box.id)
      assert.deepEqual(found?.ips, box.ips)
      assert.equal((await again.runtime.containerStatus(testCtx(), id)).podSandboxId, box.id)
      const next = await again.runtime.runPodSandbox(testCtx(), sandboxConfig(`more-${++counter}`))
      const addresses = (await again.runtime.listPodSandboxes(testCtx())).flatMap((s) => s.ips)
      assert.equal(new Set(addresses).size, addresses.length)
      await again.runtime.removePodSandbox(testCtx(), next.id)
      const beside = await again.runtime.createContainer(
        testCtx(),
        found!,
        containerConfig(imageId, 'beside', script('ps -o comm')),
      )
      await again.runtime.startContainer(testCtx(), beside)
      let text = ''
      for await (const line of again.runtime.logs(testCtx(), beside, { follow: true })) text += Buffer.from(line.bytes)
      assert.match(text, /^pause$/m)
      assert.deepEqual(await open('nobody', 233).runtime.listPodSandboxes(testCtx()), [])
    })

    test('a sandbox that somebody removed by hand frees its address and its pod can have another', async () => {
      const config = sandboxConfig(`more-${++counter}`)
      const box = await runtime.runPodSandbox(testCtx(), config)
      await open('more', 232).runtime.removePodSandbox(testCtx(), box.id)
      assert.ok(!(await runtime.listPodSandboxes(testCtx())).some((s) => s.id === box.id))
      const again = await runtime.runPodSandbox(testCtx(), config)
      assert.equal(again.state, 'Ready')
    })

    test('memory beyond the limit is told as OOMKilled', async () => {
      const id = await run(await sandbox(), {
        ...script('x=a; while true; do x=$x$x; done'),
        resources: { memoryLimitBytes: 16 << 20 },
      })
      const status = await finished(testCtx(), runtime, id)
      assert.deepEqual([status.reason, status.exitCode], ['OOMKilled', 137])
    })

    test('user, groups, capabilities, read-only root and no new privileges reach the process', async () => {
      const text = await output(await sandbox(), {
        ...script('id; touch /x; grep -E "CapPrm|NoNewPrivs|Groups" /proc/self/status'),
        ...security({
          runAsUser: 1234,
          runAsGroup: 2345,
          supplementalGroups: [3456],
          readonlyRootfs: true,
          dropCapabilities: ['ALL'],
          noNewPrivileges: true,
        }),
      })
      assert.match(text, /uid=1234 gid=2345 groups=.*3456/)
      assert.match(text, /Read-only file system/)
      assert.match(text, /CapPrm:\s*0+$/m)
      assert.match(text, /NoNewPrivs:\s*1/)
    })

    test('limits become control group settings, and can be changed while it runs', async () => {
      const resources = { cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 64 << 20 }
      const id = await run(await sandbox(), { command: ['sleep', '3600'], resources })
      await runtime.updateContainerResources(testCtx(), id, { memoryLimitBytes: 32 << 20 })
      const read = ['sh', '-c', 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null']
      const { stdout } = await runtime.execSync(testCtx(), id, read, { timeoutMs: 10_000, maxOutputBytes: 1000 })
      assert.equal(Buffer.from(stdout).toString().trim(), String(32 << 20))
    })

    test('a negative oom_score_adj is set where the kernel lets us, and does not stop a container elsewhere', async () => {
      const text = await output(await sandbox(), {
        ...script('cat /proc/self/oom_score_adj'),
        resources: { oomScoreAdj: -500 },
      })
      assert.match(text, /^(-500|0)\n$/)
    })

    test('an exec with a terminal has the size it was given', async () => {
      const id = await run(await sandbox(), { command: ['sleep', '3600'] })
      let text = ''
      const exitCode = await runtime.exec(testCtx(), id, ['sh', '-c', 'sleep 0.3; stty size'], true, {
        stdout: (chunk) => {
          text += Buffer.from(chunk)
        },
        resize: (async function* () {
          yield { width: 123, height: 45 }
        })(),
      })
      assert.equal(exitCode, 0)
      assert.equal(text, '45 123\r\n')
    })

    test('much output waits for a slow reader and arrives whole', async () => {
      const id = await run(await sandbox(), { command: ['sleep', '3600'] })
      let size = 0
      await runtime.exec(testCtx(), id, ['sh', '-c', 'dd if=/dev/zero bs=1M count=8 2>/dev/null'], false, {
        stdout: async (chunk) => {
          size += chunk.length
          await new Promise((resolve) => setImmediate(resolve))
        },
      })
      assert.equal(size, 8 << 20)
    })

    test('a process that closes its output early is still waited for', async () => {
      const id = await run(await sandbox(), { command: ['sleep', '3600'] })
      const command = ['sh', '-c', 'exec >/dev/null 2>&1; sleep 0.5; exit 42']
      assert.equal(await runtime.exec(testCtx(), id, command, false, {}), 42)
    })

    test('the log of a terminal is lines as well', async () => {
      const id = await run(await sandbox(), { ...script('echo one; echo two >&2; echo -n three'), tty: true })
      const lines = []
      for await (const line of runtime.logs(testCtx(), id, { follow: true })) lines.push(line)
      assert.equal(textOf(lines), 'one\r\ntwo\r\nthree')
      assert.match(lines[1]?.timestamp ?? '', /Z$/)
    })

    test('a pull that fails gives the words of the registry', async () => {
      const probe = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => probe.once('listening', resolve))
      const { port } = probe.address() as { port: number }
      await new Promise((resolve) => probe.close(resolve))
      await assert.rejects(
        images.pullImage(testCtx(), `127.0.0.1:${port}/nothing:1`, []),
        (err: Error & { code: string }) => {
          assert.equal(err.code, 'ImagePull')
          assert.match(err.message, /connection refused/)
          return true
        },
      )
      await assert.rejects(images.pullImage(testCtx(), 'Not A Name', []), { code: 'ImagePull' })
    })
  })
}

/** A listener of `nc` is not there for a moment between two connections. */
async function connected<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 40; ; left--) {
    try {
      return await attempt()
    } catch (err) {
      if (left === 0) throw err
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
