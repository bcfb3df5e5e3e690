// `skiff up`: from nothing to a node that is Ready. Every step is idempotent; a second run finds everything in place.
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { labelFilters } from '../agent/docker/labels.ts'
import { adminClient } from './admin-client.ts'
import { overlaps } from './cidr.ts'
import {
  endLeftovers,
  inTurn,
  isMisconfigured,
  lastWords,
  livePid,
  logOf,
  runBy,
  stopSupervisor,
  supervisorPid,
  whenFilesSay,
} from './cluster-process.ts'
import { CliError, type Config, type Flags, socketPath, toFlags } from './config.ts'
import { askEngine, ensureEngine, ensureTools } from './docker-engine.ts'
import { type EngineNetwork, nodeNetwork, overlappingNetwork } from './node-network.ts'
import { untilNodeReady } from './node-ready.ts'
import { type Paths, paths } from './paths.ts'
import { makeDirectories, prepare } from './prepare.ts'
import { interruptible, phase, shellWord } from './progress.ts'
import { clusterConfig } from './settings-file.ts'

const READY_TIMEOUT_MS = 60_000
const COMPONENTS = ['server', 'agent'] as const

export async function run(flags: Flags): Promise<number> {
  const signal = interruptible('"skiff up" goes on from here, "skiff down" stops what was started')
  const config = clusterConfig(flags)
  const files = paths(config.dataDir)
  makeDirectories(config, files)
  const wasRunning = await inTurn(files, async () => {
    // What nobody but its user could mend is given up, so that he can: with other settings or a mended file.
    if (supervisorPid(files) !== undefined && COMPONENTS.some((component) => isMisconfigured(files, component)))
      await stopSupervisor(files)
    if (runBy(files) === undefined) {
      await start(config, files, signal)
      return false
    }
    refuseOtherSettings(files, config)
    tryAgainNow(files)
    return true
  })
  await phase(wasRunning ? 'the API server answers' : 'API server ready', () => untilComponent(files, 'server', signal))
  const client = adminClient(files, config)
  try {
    await phase(wasRunning ? 'the node is Ready' : 'node Ready', async () => {
      await untilComponent(files, 'agent', signal) // a Ready left behind by an earlier run says nothing
      await untilNodeReady(client, config.nodeName, files, READY_TIMEOUT_MS, signal)
    })
    if (flags.switches.has('demo')) {
      const { runDemo } = await import('./demo/demo.ts')
      await runDemo({ client, config, files, signal })
    } else {
      process.stdout.write(
        `${wasRunning ? 'Already running.' : 'The cluster is up.'} Try:\n  export KUBECONFIG=${shellWord(files.kubeconfig)}\n  kubectl get nodes\n  ./skiff up --demo\n`,
      )
    }
    return 0
  } finally {
    client.close()
  }
}

async function start(config: Config, files: Paths, signal: AbortSignal): Promise<void> {
  if (existsSync(files.systemd))
    throw new CliError(
      `the cluster in ${config.dataDir} is run by systemd: start it with "systemctl start skiff-server skiff-agent", or remove the permanent install`,
    )
  await endLeftovers(files)
  await ensureEngine(files, socketPath(config), signal)
  const missing = await ensureTools(
    [
      { command: 'nft', package: 'nftables' },
      { command: 'iptables', package: 'iptables' },
    ],
    signal,
  )
  const asRoot = process.getuid?.() === 0
  if (missing.length > 0 || !asRoot)
    process.stderr.write(
      asRoot
        ? `  Services go through a slower userspace proxy: install ${missing.join(' and ')} for the kernel's\n`
        : "  Not root: node ports answer, but cluster addresses and the cluster's DNS do not\n",
    )
  await refuseTakenByEngine(config, !existsSync(files.settings), signal)
  await refuseTakenPort(config.apiPort, '--api-port')
  await refuseTakenPort(config.agentPort, '--agent-port')
  refuseTakenRange(config)
  await phase('certificates and kubeconfig', () => prepare(config, files))
  for (const component of COMPONENTS)
    for (const file of [files.ready(component), files.failed(component)]) rmSync(file, { force: true })
  const log = openSync(join(files.logs, 'supervisor.log'), 'a')
  const script = join(installRoot(), 'deploy/supervisor.sh')
  const child = spawn(
    '/bin/sh',
    [script, files.dataDir, process.execPath, join(installRoot(), 'dist/skiff.js'), ...toFlags(config)],
    {
      detached: true,
      stdio: ['ignore', log, log],
    },
  )
  child.unref()
  if (!(await whenFilesSay(files.run, () => supervisorPid(files) !== undefined, 5000))) {
    throw new CliError(`the supervisor did not start: see ${join(files.logs, 'supervisor.log')}`)
  }
}

/** The checkout's or installation's top, which holds dist/ and deploy/. */
function installRoot(): string {
  for (let dir = import.meta.dirname; dir !== '/'; dir = join(dir, '..'))
    if (existsSync(join(dir, 'deploy/supervisor.sh'))) return dir
  throw new CliError('this installation is incomplete: deploy/supervisor.sh is missing')
}

/** A component that died is waiting for its next start: not any longer. */
function tryAgainNow(files: Paths): void {
  const failed = COMPONENTS.map((component) => files.failed(component)).filter((file) => existsSync(file))
  if (failed.length === 0) return
  for (const file of failed) rmSync(file, { force: true })
  const pid = supervisorPid(files)
  if (pid !== undefined) process.kill(pid, 'SIGHUP')
}

function refuseOtherSettings(files: Paths, config: Config): void {
  const running = JSON.parse(readFileSync(files.settings, 'utf8')) as Record<string, unknown>
  const differing = Object.entries(config).filter(([key, value]) => running[key] !== value)
  if (differing.length === 0) return
  const list = differing
    .map(([key, value]) => `${key} ${JSON.stringify(running[key])}, not ${JSON.stringify(value)}`)
    .join('; ')
  throw new CliError(
    `the cluster in ${config.dataDir} already runs with ${list}: run "skiff down" first, or choose another --data-dir for a second cluster`,
  )
}

/**
 * A new cluster under the name of another one would take its containers for its own, and remove them. A pod range that one of Docker's
 * networks has would leave pods without a network.
 */
async function refuseTakenByEngine(config: Config, isNew: boolean, signal: AbortSignal): Promise<void> {
  const ask = <T>(path: string) => askEngine<T>(socketPath(config), path, signal)
  const { podCIDR, podNetwork } = nodeNetwork(config)
  const { label } = labelFilters(config.name)
  const [networks, containers] = await Promise.all([
    ask<EngineNetwork[]>('/networks'),
    isNew
      ? ask<object[]>(`/containers/json?all=1&limit=1&filters=${encodeURIComponent(JSON.stringify({ label }))}`)
      : [],
  ])
  if (containers.length > 0 || (isNew && networks.some(({ Name }) => Name === podNetwork.name)))
    throw new CliError(
      `the Docker Engine already has a cluster named ${config.name}: choose another with --name, or name that cluster's directory with --data-dir.
If its directory is gone, remove what it left: docker rm -f $(docker ps -aq --filter label=${label[0]}); docker network rm ${podNetwork.name}`,
    )
  const other = overlappingNetwork(networks, podNetwork.name, podCIDR)
  if (other)
    throw new CliError(
      `Docker's network ${other.name} already has the range ${other.range}: choose another for pods with --pod-cidr`,
    )
}

function refuseTakenPort(port: number, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (err: NodeJS.ErrnoException) =>
      reject(
        new CliError(
          err.code === 'EADDRINUSE'
            ? `port ${port} is already taken by another program: choose another with ${flag}`
            : `cannot listen on port ${port} (${err.code}): choose another with ${flag}`,
        ),
      ),
    )
    probe.listen(port, '0.0.0.0', () => probe.close(() => resolve()))
  })
}

/** Our own pod bridge may still be there from before; any other address in the range is somebody else's. */
function refuseTakenRange(config: Config): void {
  const { bridge } = nodeNetwork(config).podNetwork
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (name === bridge) continue
    for (const { family, address } of addresses ?? []) {
      if (family !== 'IPv4') continue
      for (const [range, flag] of [
        [config.podCIDR, '--pod-cidr'],
        [config.serviceCIDR, '--service-cidr'],
      ] as const) {
        if (overlaps(`${address}/32`, range))
          throw new CliError(
            `the interface ${name} already has the address ${address} of ${range}: choose another range with ${flag}`,
          )
      }
    }
  }
}

async function untilComponent(files: Paths, component: 'server' | 'agent', signal: AbortSignal): Promise<void> {
  const isUp = () => livePid(files.pid(component), files.dataDir) !== undefined && existsSync(files.ready(component))
  const decided = () => isUp() || existsSync(files.failed(component)) || signal.aborted
  await whenFilesSay(files.run, decided, READY_TIMEOUT_MS)
  signal.throwIfAborted()
  if (isUp()) return
  const words = lastWords(files.log(component))
  const next = isMisconfigured(files, component)
    ? 'mend that and run "skiff up" again'
    : `see ${logOf(files, component)}; "skiff down" stops the attempt`
  throw new CliError(`the ${component} did not start${words ? `:\n${words}` : ''}\n${next}`)
}
