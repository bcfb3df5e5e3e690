// A Docker Engine that answers: found, installed from the distribution, or started by hand where no init system does it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { delay, systemClock } from '../base/clock.ts'
import { CliError } from './config.ts'
import type { Paths } from './paths.ts'
import { phase } from './progress.ts'

const DEFAULT_SOCKET = '/var/run/docker.sock'

/** Whether an Engine answers on the socket. */
export function ping(socketPath: string, timeoutMs = 2000): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request({ socketPath, path: '/_ping', timeout: timeoutMs }, (res) => {
      res.resume()
      resolve(res.statusCode === 200)
    })
    req.on('timeout', () => req.destroy(new Error('timeout')))
    req.on('error', () => resolve(false))
    req.end()
  })
}

/** @throws CliError with the one command to run when we may not or cannot do it ourselves. */
export async function ensureEngine(files: Paths, socketPath: string, signal: AbortSignal): Promise<void> {
  if (await ping(socketPath)) return
  const isRoot = process.getuid?.() === 0
  if (existsSync(socketPath) && !isRoot && !canReach(socketPath)) {
    throw new CliError(
      `the Docker Engine at ${socketPath} may only be used by root and the group docker: run "sudo usermod -aG docker $USER" and log in again, or use sudo`,
    )
  }
  if (socketPath !== DEFAULT_SOCKET) {
    throw new CliError(
      `no Docker Engine answers at unix://${socketPath}: start it, or leave --docker-host away to use the machine's own`,
    )
  }
  if (!installed('dockerd')) {
    if (!isRoot || !installed('apt-get')) {
      throw new CliError(
        `no Docker Engine is installed: run "${isRoot ? '' : 'sudo '}apt-get install -y docker.io" (or your distribution's equivalent), then this command again`,
      )
    }
    await phase('installing docker.io', () => aptInstall(['docker.io'], signal))
  }
  if (!isRoot)
    throw new CliError('the Docker Engine is not running: run "sudo systemctl start docker", then this command again')
  await phase('starting the Docker Engine', async (note) => {
    if (existsSync('/run/systemd/system')) await command('systemctl', ['start', 'docker'], signal)
    else {
      note('by hand: no init system here')
      startByHand(files)
    }
    await untilAnswers(files, socketPath, signal)
  })
}

/** Packages of the distribution that are missing, installed when we are root on a machine with apt. @returns what is still missing. */
export async function ensureTools(
  tools: readonly { command: string; package: string }[],
  signal: AbortSignal,
): Promise<string[]> {
  const missing = tools.filter((tool) => !installed(tool.command))
  if (missing.length === 0) return []
  if (process.getuid?.() === 0 && installed('apt-get')) {
    const packages = [...new Set(missing.map((tool) => tool.package))]
    await phase(`installing ${packages.join(', ')}`, () => aptInstall(packages, signal))
  }
  return tools.filter((tool) => !installed(tool.command)).map((tool) => tool.package)
}

export function installed(name: string): boolean {
  const dirs = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return dirs.some((dir) => dir !== '' && existsSync(`${dir}/${name}`))
}

function canReach(socketPath: string): boolean {
  return spawnSync('test', ['-w', socketPath]).status === 0
}

async function aptInstall(packages: readonly string[], signal: AbortSignal): Promise<void> {
  const install = () => command('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], signal)
  try {
    await install()
  } catch {
    await command('apt-get', ['update', '-q'], signal) // no or old package lists
    await install()
  }
}

/** Runs a command quietly. @throws CliError with its output. */
export function command(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], signal })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-64_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (err) => reject(signal.aborted ? signal.reason : new CliError(`${file}: ${err.message}`)))
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new CliError(`${file} ${args.join(' ')} failed:\n${output.trim()}`)),
    )
  })
}

function startByHand(files: Paths): void {
  const log = openSync(files.log('docker'), 'a')
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log], env })
  child.on('error', () => {}) // untilAnswers reports it
  child.unref()
  if (child.pid) writeFileSync(files.dockerPid, `${child.pid}\n`)
}

/** The Engine says nothing when it begins to listen, so this asks, at first often. */
async function untilAnswers(files: Paths, socketPath: string, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0, stepMs = 50; waitedMs < 60_000; waitedMs += stepMs, stepMs = Math.min(stepMs * 1.2, 500)) {
    if (await ping(socketPath)) return
    await delay(systemClockThatHolds, stepMs, signal)
  }
  const log = existsSync(files.log('docker'))
    ? readFileSync(files.log('docker'), 'utf8').trim().split('\n').slice(-5).join('\n')
    : ''
  throw new CliError(
    `the Docker Engine did not answer within a minute${log ? `; its last words:\n${log}` : ': see "systemctl status docker"'}`,
  )
}

/** The system clock, but its timers keep the process alive: here waiting is all that the process does. */
const systemClockThatHolds = {
  now: systemClock.now,
  after(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}
