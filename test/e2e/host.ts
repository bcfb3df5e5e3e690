// A test host (test/testbed/host.sh): a network namespace with a Docker Engine of its own, made for one test file and removed after it.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const script = join(root, 'test/testbed/host.sh')

/** What the tests need of the distribution; installed when something is missing and we are root. */
const TOOLS: readonly [file: string, debianPackage: string][] = [
  ['dockerd', 'docker.io'],
  ['nft', 'nftables'],
  ['iptables', 'iptables'],
  ['ip', 'iproute2'],
  ['busybox', 'busybox-static'],
  ['nginx', 'nginx-light'],
  ['dig', 'bind9-dnsutils'],
  ['curl', 'curl'],
  ['script', 'bsdutils'],
  ['nsenter', 'util-linux'],
]

export interface RunResult {
  code: number
  stdout: string
  stderr: string
}

export interface Host {
  readonly name: string
  /** A directory that goes with the host. */
  readonly dir: string
  readonly dockerHost: string
  readonly address: string
  /** Runs a command inside the host; rejects only when it cannot be started or takes longer than the time-out. */
  run(
    args: readonly string[],
    options?: { input?: string; env?: Record<string, string>; timeoutMs?: number },
  ): Promise<RunResult>
  /** Ends the Engine, and with it what runs in it. */
  stopEngine(): void
  startEngine(): void
  stop(): void
}

/** @throws Error saying what to install when the machine lacks something. */
export function ensureTools(): void {
  const has = (file: string) =>
    ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((dir) =>
      existsSync(join(dir, file)),
    )
  const missing = TOOLS.filter(([file]) => !has(file)).map(([, name]) => name)
  if (missing.length === 0) return
  const install = ['install', '-y', '-q', '--no-install-recommends', ...missing]
  if (process.getuid?.() !== 0)
    throw new Error(
      `the end-to-end tests need root and the packages ${missing.join(' ')}: sudo apt-get ${install.join(' ')}`,
    )
  withoutStartingServices(() => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (args: string[]) => spawnSync('apt-get', args, { env, encoding: 'utf8' })
    if (apt(install).status === 0) return
    apt(['update', '-q'])
    const { status, stderr } = apt(install)
    if (status !== 0) throw new Error(`the end-to-end tests need ${missing.join(' ')}: ${stderr}`)
  })
}

/** Debian's way of saying that a package that is installed must not start its service: the tests want programs, not servers. */
function withoutStartingServices(work: () => void): void {
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    work()
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

let count = 0
/** @param images whether busybox:latest and nginx:alpine are wanted in its Engine. */
export function startHost(label: string, { images = true } = {}): Host {
  if (process.getuid?.() !== 0) throw new Error('the end-to-end tests make network namespaces: run them as root')
  ensureTools()
  const name = `${label}-${process.pid}-${count++}`
  const octet = 1 + ((process.pid + count * 61) % 250)
  const dir = mkdtempSync(join(tmpdir(), `skiff-e2e-${label}-`))
  const env = { ...process.env, SKIFF_TESTBED_DIR: dir, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const host = (args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(script, args, { env, encoding: 'utf8', timeout: 120_000 })
    if (status !== 0) throw new Error(`host.sh ${args.join(' ')}: ${stderr}${stdout}`)
    return stdout.trim()
  }
  const stop = () => {
    spawnSync(script, ['stop', name], { env, timeout: 60_000 })
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  process.once('exit', stop)
  const dockerHost = host(['start', name, String(octet)])
  if (images) host(['images', name])
  return {
    name,
    dir,
    dockerHost,
    address: `10.99.${octet}.2`,
    run(args, { input, env: extra = {}, timeoutMs = 60_000 } = {}) {
      return new Promise((resolve, reject) => {
        const child = execFile(
          script,
          ['run', name, ...args],
          { env: { ...env, ...extra }, timeout: timeoutMs, maxBuffer: 64 << 20 },
          (err, stdout, stderr) => {
            if (err && typeof err.code !== 'number')
              reject(new Error(`${args.join(' ')}: ${err.message}\n${stdout}${stderr}`))
            else resolve({ code: err ? Number(err.code) : 0, stdout, stderr })
          },
        )
        child.stdin?.on('error', () => {})
        child.stdin?.end(input ?? '')
      })
    },
    stopEngine: () => void host(['stop-engine', name]),
    startEngine: () => void host(['start', name, String(octet)]),
    stop() {
      process.off('exit', stop)
      stop()
    },
  }
}
