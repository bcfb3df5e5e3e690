// One cluster per test file, and in it a namespace for each kubectl program that can be had: every test runs with each of them.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, type RunResult, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

export interface Session {
  readonly host: Host
  readonly cluster: Cluster
  /** The namespace that this kubectl works in. */
  readonly ns: string
  /** Minor version: 32, 36 … */
  readonly minor: number
  /** kubectl in the namespace; asserts exit code 0 and returns stdout. Words in 'single quotes' stay whole. */
  k(args: string, input?: string): Promise<string>
  /** The same, whatever happens. */
  try(args: string, input?: string, env?: Record<string, string>): Promise<RunResult>
  /** Asserts that kubectl fails and says `pattern`. */
  refused(args: string, pattern: RegExp, input?: string): Promise<void>
  /** kubectl in the namespace, left running. Ended by its `end`, and at the latest with the file. */
  background(args: string): Background
  /** kubectl on a terminal of its own; what is typed comes from `input`. */
  onTerminal(args: string, input?: string): Promise<RunResult>
}

export interface Background {
  output(): string
  /** @throws Error with all that it printed when that does not come. */
  prints(pattern: RegExp): Promise<unknown>
  end(): void
}

/** Calls `tests` once per program; the session is there when the first test runs. */
export function withEachKubectl(label: string, tests: (session: Session) => void): void {
  const programs = kubectls()
  let host: Host
  const children = new Set<ChildProcess>()
  before(async () => {
    host = startHost(label)
    const { code, stderr } = await clusterOn(host, programs[0]!.path).skiff('up')
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    const down = await clusterOn(host, programs[0]!.path).skiff('down', '--purge')
    host.stop()
    assert.equal(down.code, 0, down.stdout + down.stderr)
  })
  for (const { version, path } of programs) {
    const ns = `k${version.replace('.', '-')}`
    let cluster: Cluster
    const session: Session = {
      get host() {
        return host
      },
      get cluster() {
        return cluster
      },
      ns,
      minor: Number(version.split('.')[1]),
      k: (args, input) => cluster.kubectl(`-n ${ns} ${args}`, input === undefined ? {} : { input }),
      try: (args, input, env = {}) =>
        cluster.tryKubectl(`-n ${ns} ${args}`, { env, ...(input === undefined ? {} : { input }) }),
      async refused(args, pattern, input) {
        const { code, stdout, stderr } = await session.try(args, input)
        assert.notEqual(code, 0, `kubectl ${args} was not refused: ${stdout}`)
        assert.match(stderr, pattern)
      },
      background(args) {
        const child = spawn(
          join(import.meta.dirname, '../testbed/host.sh'),
          ['run', host.name, path, '-n', ns, ...args.split(' ')],
          { env: { ...process.env, SKIFF_TESTBED_DIR: host.dir, KUBECONFIG: cluster.kubeconfig, HOME: host.dir } },
        )
        children.add(child)
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (chunk: Buffer) => {
            output += chunk.toString()
          })
        }
        return {
          output: () => output,
          prints: (pattern) =>
            until(`kubectl ${args} prints ${pattern}`, async () => pattern.test(output), 15_000).catch((err: Error) => {
              throw new Error(`${err.message}; it printed:\n${output}`)
            }),
          end() {
            children.delete(child)
            child.kill('SIGTERM')
          },
        }
      },
      onTerminal: (args, input = '') =>
        host.run(['script', '-qec', `${path} -n ${ns} ${args}`, '/dev/null'], {
          input,
          timeoutMs: 20_000,
          env: { KUBECONFIG: cluster.kubeconfig, HOME: host.dir },
        }),
    }
    describe(`kubectl ${version}`, { concurrency: 1 }, () => {
      before(async () => {
        cluster = clusterOn(host, path)
        await cluster.kubectl(`create namespace ${ns}`)
      })
      tests(session)
    })
  }
}

/** A page, a Deployment of two nginx pods that serve it, and their Service. */
export const MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata: { name: page }
data: { index.html: "hello from a pod\\n" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: nginx
        image: nginx:alpine
        ports: [{ containerPort: 80 }]
        volumeMounts: [{ name: page, mountPath: /usr/share/nginx/html }]
      volumes: [{ name: page, configMap: { name: page } }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`

/** `kubectl run` of a busybox script. There is no registry: the image is the Engine's own. */
export const RUN = '--image=busybox:latest --image-pull-policy=IfNotPresent --restart=Never'
