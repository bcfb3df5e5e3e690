// The processes of the bench: the server under test and its peer, each on a directory of its own, and the one that makes the load.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { cpuMs } from '../measure.ts'
import type { Job, Result } from './jobs.ts'
import type { Target } from './target.ts'

const root = join(import.meta.dirname, '../../..')

export interface Server {
  readonly target: Target
  readonly pid: number
  /** From spawn to the first /readyz that says ok. */
  readonly startMs: number
  stop(): Promise<void>
}

/** For profiles: `SKIFF_BENCH_NODE="--cpu-prof --cpu-prof-dir=/tmp/profile"` goes to the server's node. */
const nodeOptions = (process.env['SKIFF_BENCH_NODE'] ?? '').split(' ').filter(Boolean)

/** As deploy/supervisor.sh has them. */
const SERVER_FLAGS = ['--max-semi-space-size=16', '--expose-gc']

/** The whole control plane, as `skiff server` runs it on a cluster's node. */
export function startSkiff(dataDir: string, port: number): Promise<Server> {
  const flags = ['--data-dir', dataDir, '--api-port', String(port), '--node-name', 'bench']
  const program = process.env['SKIFF_BENCH_PROGRAM'] ?? join(root, 'dist/skiff.js')
  return start([...nodeOptions, ...SERVER_FLAGS, program, 'server', ...flags], dataDir, port)
}

/** The API server alone: nothing deletes pods whose nodes don't exist. */
export function startApiServer(dataDir: string, port: number): Promise<Server> {
  return start(
    [...nodeOptions, ...SERVER_FLAGS, join(import.meta.dirname, 'api-server.ts'), dataDir, String(port)],
    dataDir,
    port,
  )
}

/** @param pkiOf a data directory with certificates */
export function startBare(directory: string, pkiOf: string, port: number): Promise<Server> {
  const pem = (name: string) => join(pkiOf, 'pki', name)
  const files = [pem('apiserver.crt'), pem('apiserver.key'), pem('ca.crt')]
  return start(
    [...nodeOptions, join(import.meta.dirname, 'bare-server.ts'), directory, ...files, String(port)],
    pkiOf,
    port,
  )
}

async function start(args: string[], pkiOf: string, port: number): Promise<Server> {
  const began = performance.now()
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!(await readyz(port))) {
    if (child.exitCode !== null) throw new Error(`${args.join(' ')}: ended with ${child.exitCode}`)
    if (performance.now() - began > 120_000) throw new Error(`${args.join(' ')}: not ready within two minutes`)
  }
  const startMs = performance.now() - began
  const pem = (name: string) => readFileSync(join(pkiOf, 'pki', name), 'utf8')
  const target = { port, ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') }
  return { target, pid: child.pid!, startMs, stop: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

function readyz(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request(
      { host: '127.0.0.1', port, path: '/readyz', rejectUnauthorized: false, agent: false },
      (res) => {
        res.resume()
        resolve(res.statusCode === 200)
      },
    )
    req.on('error', () => setTimeout(() => resolve(false), 2))
    req.end()
  })
}

export class Load {
  readonly #child = fork(join(import.meta.dirname, 'load.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] })

  /** The figures, and what the server's processor did meanwhile. */
  async run(job: Job, serverPid: number): Promise<Result & { serverCpuMs: number }> {
    const before = cpuMs(serverPid)
    this.#child.send(job)
    const [answer] = (await once(this.#child, 'message')) as [{ result?: Result; error?: string }]
    if (!answer.result) throw new Error(answer.error)
    return { ...answer.result, serverCpuMs: cpuMs(serverPid) - before }
  }

  stop(): void {
    this.#child.kill()
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
