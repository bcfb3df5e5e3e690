// What every RuntimeService and ImageService must do. An implementation's test calls `runtimeSuite` with a way to open it; the image it
// names must have busybox's `sh`, `sleep`, `echo`, `cat`, `env` and `hostname`.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Ctx } from '../../base/ctx.ts'
import { silentLogger } from '../../base/log.ts'
import type {
  ContainerConfig,
  ContainerStatus,
  ImageService,
  LogLine,
  PodSandbox,
  PodSandboxConfig,
  RuntimeEvent,
  RuntimeService,
} from './runtime.ts'

export interface RuntimeUnderTest {
  runtime: RuntimeService
  images: ImageService
  /** A reference that is present. */
  image: string
  close(): Promise<void>
}

export const testCtx = (signal: AbortSignal = AbortSignal.timeout(60_000)): Ctx => ({ signal, log: silentLogger })

export function sandboxConfig(name: string, over: Partial<PodSandboxConfig> = {}): PodSandboxConfig {
  return {
    metadata: { name, uid: `uid-${name}`, namespace: 'default', attempt: 0 },
    hostname: name,
    logDirectory: '',
    dnsConfig: {
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local'],
      options: ['ndots:5'],
    },
    portMappings: [],
    labels: {
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': 'default',
      'io.kubernetes.pod.uid': `uid-${name}`,
      app: 'suite',
    },
    annotations: { 'example.com/note': 'kept: as "written"' },
    linux: {
      cgroupParent: undefined,
      hostNetwork: false,
      hostPID: false,
      hostIPC: false,
      shareProcessNamespace: false,
      sysctls: {},
    },
    ...over,
  }
}

export function containerConfig(imageId: string, name: string, over: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    metadata: { name, attempt: 0 },
    imageId,
    command: ['sleep', '3600'],
    args: undefined,
    workingDir: undefined,
    envs: [],
    mounts: [],
    devices: [],
    labels: { 'io.kubernetes.container.name': name },
    annotations: { 'example.com/hash': 'abc' },
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: {},
    security: {
      privileged: false,
      readonlyRootfs: false,
      supplementalGroups: [],
      addCapabilities: [],
      dropCapabilities: [],
      noNewPrivileges: false,
      hostPID: false,
      hostIPC: false,
      hostNetwork: false,
    },
    ...over,
  }
}

export const script = (text: string) => ({ command: ['sh', '-c', text] })

/** Follows the log to its end, which is that of the container. */
export async function finished(ctx: Ctx, runtime: RuntimeService, id: string): Promise<ContainerStatus> {
  for await (const _line of runtime.logs(ctx, id, { follow: true }));
  return runtime.containerStatus(ctx, id)
}
export const textOf = (lines: readonly LogLine[], stream?: 'stdout' | 'stderr') =>
  lines
    .filter((line) => !stream || line.stream === stream)
    .map((line) => Buffer.from(line.bytes).toString())
    .join('')
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
const code = (expected: string) => (err: unknown) => (err as { code?: string }).code === expected

export function runtimeSuite(name: string, open: () => Promise<RuntimeUnderTest>): void {
  describe(`runtime: ${name}`, () => {
    let it: RuntimeUnderTest
    let imageId = ''
    const sandboxes: PodSandbox[] = []
    before(async () => {
      it = await open()
      imageId = (await it.images.imageStatus(testCtx(), it.image))?.id ?? ''
      assert.ok(imageId, `${it.image} is not present`)
    })
    after(async () => {
      for (const sandbox of sandboxes) await it.runtime.removePodSandbox(testCtx(), sandbox.id)
      await it.close()
    })
    let counter = 0
    const runSandbox = async (over: Partial<PodSandboxConfig> = {}) => {
      const sandbox = await it.runtime.runPodSandbox(testCtx(), sandboxConfig(`suite-${++counter}`, over))
      sandboxes.push(sandbox)
      return sandbox
    }
    const run = async (sandbox: PodSandbox, container: string, over: Partial<ContainerConfig>) => {
      const id = await it.runtime.createContainer(testCtx(), sandbox, containerConfig(imageId, container, over))
      await it.runtime.startContainer(testCtx(), id)
      return id
    }

    test('a sandbox has its address when it runs, and is listed with what it was given', async () => {
      const sandbox = await runSandbox()
      assert.equal(sandbox.state, 'Ready')
      assert.match(sandbox.ips[0] ?? '', /^\d+\.\d+\.\d+\.\d+$/)
      const listed = (await it.runtime.listPodSandboxes(testCtx())).find((s) => s.id === sandbox.id)
      assert.deepEqual(listed?.metadata, sandbox.metadata)
      assert.deepEqual(listed?.ips, sandbox.ips)
      assert.equal(listed?.labels['app'], 'suite')
      assert.deepEqual(listed?.annotations, { 'example.com/note': 'kept: as "written"' })
    })

    test('containers can be created before the sandbox runs', async () => {
      let created: Promise<string> | undefined
      const sandbox = await it.runtime.runPodSandbox(testCtx(), sandboxConfig(`suite-${++counter}`), (early) => {
        assert.equal(early.state, 'NotReady')
        created = it.runtime.createContainer(testCtx(), early, containerConfig(imageId, 'early'))
      })
      sandboxes.push(sandbox)
      assert.ok(created)
      const id = await created
      await it.runtime.startContainer(testCtx(), id)
      assert.equal((await it.runtime.containerStatus(testCtx(), id)).podSandboxId, sandbox.id)
      await it.runtime.stopContainer(testCtx(), id, 0)
    })

    test('two sandboxes never share an address', async () => {
      const [a, b] = await Promise.all([runSandbox(), runSandbox()])
      assert.notEqual(a?.ips[0], b?.ips[0])
    })

    test('the same pod and attempt cannot have two sandboxes', async () => {
      const config = sandboxConfig(`suite-${++counter}`)
      sandboxes.push(await it.runtime.runPodSandbox(testCtx(), config))
      await assert.rejects(it.runtime.runPodSandbox(testCtx(), config), code('AlreadyExists'))
    })

    test('a container goes from Created to Running to Exited with its code', async () => {
      const sandbox = await runSandbox()
      const config = containerConfig(imageId, 'main', script('sleep 0.2; exit 3'))
      const id = await it.runtime.createContainer(testCtx(), sandbox, config)
      const created = await it.runtime.containerStatus(testCtx(), id)
      assert.equal(created.state, 'Created')
      assert.equal(created.startedAtMs, 0)
      await it.runtime.startContainer(testCtx(), id)
      const running = await it.runtime.containerStatus(testCtx(), id)
      assert.equal(running.state, 'Running')
      assert.equal(running.finishedAtMs, 0)
      assert.ok(running.startedAtMs > 0)
      const exited = await finished(testCtx(), it.runtime, id)
      assert.equal(exited.state, 'Exited')
      assert.equal(exited.exitCode, 3)
      assert.equal(exited.reason, 'Error')
      assert.ok(exited.finishedAtMs >= exited.startedAtMs)
      assert.deepEqual(exited.metadata, { name: 'main', attempt: 0 })
      assert.equal(exited.imageId, imageId)
      assert.deepEqual(exited.annotations, { 'example.com/hash': 'abc' })
      assert.equal(exited.labels['io.kubernetes.container.name'], 'main')
    })

    test('success has the reason Completed', async () => {
      const sandbox = await runSandbox()
      const status = await finished(testCtx(), it.runtime, await run(sandbox, 'ok', script('exit 0')))
      assert.equal(status.exitCode, 0)
      assert.equal(status.reason, 'Completed')
    })

    test('a command that does not exist fails to start, in words for the user, and leaves the container Exited', async () => {
      const sandbox = await runSandbox()
      const config = containerConfig(imageId, 'bad', { command: ['nosuch'] })
      const id = await it.runtime.createContainer(testCtx(), sandbox, config)
      await assert.rejects(it.runtime.startContainer(testCtx(), id), (err: Error) => {
        assert.match(err.message, /exec: "nosuch": executable file not found in \$PATH/)
        return code('InvalidArgument')(err)
      })
      const status = await it.runtime.containerStatus(testCtx(), id)
      assert.equal(status.state, 'Exited')
      assert.equal(status.reason, 'ContainerCannotRun')
      assert.match(status.message, /executable file not found/)
    })

    test('the same container and attempt cannot be created twice', async () => {
      const sandbox = await runSandbox()
      const config = containerConfig(imageId, 'twice')
      await it.runtime.createContainer(testCtx(), sandbox, config)
      await assert.rejects(it.runtime.createContainer(testCtx(), sandbox, config), code('AlreadyExists'))
    })

    test('an image that is not there cannot be used', async () => {
      const sandbox = await runSandbox()
      const config = containerConfig(`sha256:${'0'.repeat(64)}`, 'none')
      await assert.rejects(it.runtime.createContainer(testCtx(), sandbox, config), code('NotFound'))
    })

    test('environment and host name reach the process', async () => {
      const sandbox = await runSandbox({ hostname: 'web-0' })
      const id = await run(sandbox, 'env', {
        ...script('echo "$GREETING"; hostname'),
        envs: [{ key: 'GREETING', value: 'good = day' }],
      })
      const lines = await collect(it.runtime.logs(testCtx(), id, { follow: true }))
      assert.equal(textOf(lines), 'good = day\nweb-0\n')
    })

    test('logs keep the order, the streams, and give the last lines asked for', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'log', script('echo one; echo two >&2; sleep 0.1; echo three; echo -n four'))
      const all = await collect(it.runtime.logs(testCtx(), id, { follow: true }))
      assert.equal(textOf(all, 'stdout'), 'one\nthree\nfour')
      assert.equal(textOf(all, 'stderr'), 'two\n')
      assert.match(all[0]?.timestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
      assert.ok(Math.abs((all[0]?.timestampMs ?? 0) - Date.parse(all[0]?.timestamp ?? '')) < 1)
      assert.equal(textOf(await collect(it.runtime.logs(testCtx(), id, { follow: false, tail: 2 }))), 'three\nfour')
      assert.equal(textOf(await collect(it.runtime.logs(testCtx(), id, { follow: false, tail: 0 }))), '')
      const since = (all.at(-1)?.timestampMs ?? 0) + 60_000
      assert.equal(textOf(await collect(it.runtime.logs(testCtx(), id, { follow: false, sinceMs: since }))), '')
    })

    test('following a log gives lines as they come and ends with the container', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'follow', script('echo early; sleep 0.3; echo late'))
      const seen: string[] = []
      let runningAtFirst = false
      for await (const line of it.runtime.logs(testCtx(), id, { follow: true })) {
        if (seen.length === 0) runningAtFirst = (await it.runtime.containerStatus(testCtx(), id)).state === 'Running'
        seen.push(Buffer.from(line.bytes).toString())
      }
      assert.deepEqual(seen, ['early\n', 'late\n'])
      assert.ok(runningAtFirst)
    })

    test('following a log ends when the caller goes away', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'gone', script('echo up; sleep 3600'))
      const stop = new AbortController()
      for await (const _line of it.runtime.logs(testCtx(stop.signal), id, { follow: true })) stop.abort()
      await it.runtime.stopContainer(testCtx(), id, 0)
    })

    test('a process that heeds the stop signal ends with its own code', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'polite', script("trap 'exit 7' TERM; echo up; sleep 3600 & wait"))
      for await (const _line of it.runtime.logs(testCtx(), id, { follow: true })) break
      await it.runtime.stopContainer(testCtx(), id, 20_000)
      assert.equal((await it.runtime.containerStatus(testCtx(), id)).exitCode, 7)
    })

    test('a process that ignores the stop signal is killed after the grace period', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'stubborn', { command: ['sleep', '3600'] })
      await it.runtime.stopContainer(testCtx(), id, 1000)
      const status = await it.runtime.containerStatus(testCtx(), id)
      assert.equal(status.state, 'Exited')
      assert.equal(status.exitCode, 137)
      assert.equal(status.signal, 9)
    })

    test('stopping what is stopped and removing what is gone succeed; asking about it does not', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'once', { command: ['sleep', '3600'] })
      await it.runtime.stopContainer(testCtx(), id, 0)
      await it.runtime.stopContainer(testCtx(), id, 0)
      await it.runtime.removeContainer(testCtx(), id)
      await it.runtime.removeContainer(testCtx(), id)
      await it.runtime.stopContainer(testCtx(), id, 0)
      await assert.rejects(it.runtime.containerStatus(testCtx(), id), code('NotFound'))
      await it.runtime.stopPodSandbox(testCtx(), sandbox.id)
      await it.runtime.stopPodSandbox(testCtx(), sandbox.id)
      await it.runtime.removePodSandbox(testCtx(), sandbox.id)
      await it.runtime.removePodSandbox(testCtx(), sandbox.id)
    })

    test('stopping a sandbox kills what runs in it, removing it takes its containers along', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'inside', { command: ['sleep', '3600'] })
      await it.runtime.stopPodSandbox(testCtx(), sandbox.id)
      assert.equal((await it.runtime.containerStatus(testCtx(), id)).state, 'Exited')
      const listed = (await it.runtime.listPodSandboxes(testCtx())).find((s) => s.id === sandbox.id)
      assert.equal(listed?.state, 'NotReady')
      assert.deepEqual(listed?.ips, [])
      await it.runtime.removePodSandbox(testCtx(), sandbox.id)
      await assert.rejects(it.runtime.containerStatus(testCtx(), id), code('NotFound'))
      assert.ok(!(await it.runtime.listContainers(testCtx())).some((c) => c.podSandboxId === sandbox.id))
    })

    test('execSync gives code and output, cuts what is too long and kills at the timeout', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'main', { command: ['sleep', '3600'] })
      const options = { timeoutMs: 20_000, maxOutputBytes: 1000 }
      const result = await it.runtime.execSync(testCtx(), id, ['sh', '-c', 'echo out; echo err >&2; exit 5'], options)
      assert.equal(result.exitCode, 5)
      assert.equal(Buffer.from(result.stdout).toString(), 'out\n')
      assert.equal(Buffer.from(result.stderr).toString(), 'err\n')
      assert.equal(result.timedOut, false)
      const cut = await it.runtime.execSync(testCtx(), id, ['echo', 'x'.repeat(100)], {
        ...options,
        maxOutputBytes: 10,
      })
      assert.equal(Buffer.from(cut.stdout).toString(), 'x'.repeat(10))
      const slow = await it.runtime.execSync(testCtx(), id, ['sleep', '3600'], { ...options, timeoutMs: 300 })
      assert.equal(slow.exitCode, 124)
      assert.equal(slow.timedOut, true)
      await assert.rejects(it.runtime.execSync(testCtx(), id, ['nosuch'], options), code('InvalidArgument'))
    })

    test('exec carries stdin to its end and gives the exit code after the output', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'main', { command: ['sleep', '3600'] })
      const chunks: Uint8Array[] = []
      const exitCode = await it.runtime.exec(testCtx(), id, ['sh', '-c', 'cat; exit 9'], false, {
        stdin: (async function* () {
          yield Buffer.from('hello ')
          yield Buffer.from('there')
        })(),
        stdout: (chunk) => void chunks.push(Buffer.from(chunk)),
      })
      assert.equal(Buffer.concat(chunks).toString(), 'hello there')
      assert.equal(exitCode, 9)
    })

    test('attach sees the output and feeds the input of the main process', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'cat', { command: ['cat'], stdin: true, stdinOnce: true })
      const chunks: Uint8Array[] = []
      await it.runtime.attach(testCtx(), id, false, {
        stdin: (async function* () {
          yield Buffer.from('through\n')
        })(),
        stdout: (chunk) => void chunks.push(Buffer.from(chunk)),
      })
      assert.equal(Buffer.concat(chunks).toString(), 'through\n')
      assert.equal((await finished(testCtx(), it.runtime, id)).exitCode, 0)
    })

    test('events tell of starts, ends and removals, with the uid of the pod', async () => {
      const stop = new AbortController()
      const connected = Promise.withResolvers<void>()
      const seen: RuntimeEvent[] = []
      const name = `suite-${++counter}`
      const reading = (async () => {
        for await (const event of it.runtime.events(testCtx(stop.signal), connected.resolve)) {
          if (event.podUid !== `uid-${name}`) continue
          seen.push(event)
          if (event.type === 'SandboxDeleted') break
        }
      })()
      await connected.promise
      const sandbox = await it.runtime.runPodSandbox(testCtx(), sandboxConfig(name))
      const id = await run(sandbox, 'main', script('exit 0'))
      await finished(testCtx(), it.runtime, id)
      await it.runtime.removeContainer(testCtx(), id)
      await it.runtime.stopPodSandbox(testCtx(), sandbox.id)
      await it.runtime.removePodSandbox(testCtx(), sandbox.id)
      await reading
      stop.abort()
      assert.deepEqual(
        seen.map((e) => [e.type, e.containerId === id ? 'container' : e.containerId === sandbox.id ? 'sandbox' : '?']),
        [
          ['SandboxStarted', 'sandbox'],
          ['ContainerStarted', 'container'],
          ['ContainerStopped', 'container'],
          ['ContainerDeleted', 'container'],
          ['SandboxStopped', 'sandbox'],
          ['SandboxDeleted', 'sandbox'],
        ],
      )
    })

    test('an event stream ends quietly when the caller goes away', async () => {
      const stop = new AbortController()
      for await (const _event of it.runtime.events(testCtx(stop.signal), () => stop.abort()));
    })

    test('stats of a running container are figures that make sense', async () => {
      const sandbox = await runSandbox()
      const id = await run(sandbox, 'main', script('echo up; sleep 3600'))
      for await (const _line of it.runtime.logs(testCtx(), id, { follow: true })) break
      const stats = await it.runtime.stats(testCtx(), id)
      assert.equal(stats.containerId, id)
      assert.ok(stats.memoryUsageBytes > 0)
      assert.ok(stats.memoryWorkingSetBytes <= stats.memoryUsageBytes)
      assert.ok(stats.cpuUsageNanoseconds >= 0)
      await it.runtime.stopContainer(testCtx(), id, 0)
    })

    test('an image is found by each of its names', async () => {
      const name = it.image.replace(/:latest$/, '')
      for (const reference of [name, `${name}:latest`, `library/${name}`, `docker.io/library/${name}:latest`, imageId])
        assert.equal((await it.images.imageStatus(testCtx(), reference))?.id, imageId, reference)
      assert.equal(await it.images.imageStatus(testCtx(), 'nobody/has-this:1'), undefined)
      assert.ok((await it.images.listImages(testCtx())).some((i) => i.id === imageId))
    })

    test('a ctx that was aborted before ends the call', async () => {
      await assert.rejects(it.runtime.listPodSandboxes(testCtx(AbortSignal.abort())))
    })
  })
}
