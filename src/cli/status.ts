// `skiff status`: what runs, where, and what is wrong. Exit code 0 when all is well, 1 otherwise. `--json` for programs.
import { existsSync } from 'node:fs'
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import type { Ctx } from '../base/ctx.ts'
import { silentLogger } from '../base/log.ts'
import { adminClient } from './admin-client.ts'
import { type Component, isMisconfigured, lastWords, livePid, logOf, runBy, supervisorPid } from './cluster-process.ts'
import { type Config, type Flags, socketPath } from './config.ts'
import { ping } from './docker-engine.ts'
import { isReady, readyCondition } from './node-ready.ts'
import type { Paths } from './paths.ts'
import { existingCluster } from './settings-file.ts'

interface Report {
  dataDir: string
  api: string
  docker: { host: string; answers: boolean }
  processes: Record<'supervisor' | 'server' | 'agent', number | undefined>
  nodes: { name: string; ready: boolean; message: string }[]
  pods: Record<string, number>
  problems: string[]
}

export async function run(flags: Flags): Promise<number> {
  const { config, files } = existingCluster(flags)
  const report = await gather(config, files)
  process.stdout.write(flags.switches.has('json') ? `${JSON.stringify(report, null, 2)}\n` : format(report, files))
  return report.problems.length === 0 ? 0 : 1
}

async function gather(config: Config, files: Paths): Promise<Report> {
  const report: Report = {
    dataDir: config.dataDir,
    api: `https://127.0.0.1:${config.apiPort}`,
    docker: { host: config.dockerHost, answers: await ping(socketPath(config)) },
    processes: {
      supervisor: supervisorPid(files),
      server: livePid(files.pid('server'), files.dataDir),
      agent: livePid(files.pid('agent'), files.dataDir),
    },
    nodes: [],
    pods: {},
    problems: [],
  }
  const { problems, processes } = report
  if (!report.docker.answers)
    problems.push(
      `no Docker Engine answers at ${config.dockerHost}: start it (systemctl start docker); pods come back by themselves`,
    )
  if (!runBy(files)) {
    const start = existsSync(files.systemd) ? 'systemctl start skiff-server skiff-agent' : 'skiff up'
    problems.push(`the cluster is stopped: start it with "${start}"`)
    return report
  }
  for (const component of ['server', 'agent'] as const) {
    if (processes[component] && existsSync(files.ready(component))) continue
    const words = lastWords(files.log(component), 2)
    problems.push(
      `the ${component} ${stateOf(files, component)}${words ? `: ${words}` : ''}; see ${logOf(files, component)}`,
    )
  }
  await askApi(config, files, report).catch((err: Error) =>
    problems.push(`the API server does not answer (${err.message}); see ${logOf(files, 'server')}`),
  )
  return report
}

function stateOf(files: Paths, component: Component): string {
  if (livePid(files.pid(component), files.dataDir) !== undefined) return 'is starting'
  return isMisconfigured(files, component)
    ? 'cannot run until this is mended, then "skiff up"'
    : 'is not running and will be started again'
}

async function askApi(config: Config, files: Paths, report: Report): Promise<void> {
  const ctx: Ctx = { signal: AbortSignal.timeout(5000), log: silentLogger }
  const client = adminClient(files, config)
  try {
    const [nodes, pods] = await Promise.all([client.list(ctx, Node), client.list(ctx, Pod)])
    for (const node of nodes.items) {
      const condition = readyCondition(node)
      report.nodes.push({
        name: node.metadata.name,
        ready: isReady(node),
        message: condition?.message ?? 'no status yet',
      })
      if (!isReady(node))
        report.problems.push(
          `node ${node.metadata.name} is not Ready: ${condition?.message ?? 'it has not reported yet'}`,
        )
    }
    for (const pod of pods.items) {
      const phase = pod.metadata.deletionTimestamp ? 'Terminating' : (pod.status?.phase ?? 'Pending')
      report.pods[phase] = (report.pods[phase] ?? 0) + 1
      for (const status of pod.status?.containerStatuses ?? []) {
        const waiting = status.state?.waiting
        if (waiting?.reason && !['ContainerCreating', 'PodInitializing'].includes(waiting.reason)) {
          report.problems.push(
            `pod ${pod.metadata.namespace}/${pod.metadata.name}: ${status.name}: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}`,
          )
        }
      }
    }
  } finally {
    client.close()
  }
}

function format(report: Report, files: Paths): string {
  const process = (name: keyof Report['processes']) =>
    report.processes[name] ? `running (pid ${report.processes[name]})` : 'not running'
  const pods = Object.entries(report.pods).map(([phase, count]) => `${count} ${phase}`)
  const rows: [string, string][] = [
    ['data', report.dataDir],
    ['API', report.api],
    ['kubeconfig', files.kubeconfig],
    ['Docker', `${report.docker.host} ${report.docker.answers ? 'answers' : 'does not answer'}`],
    ['server', process('server')],
    ['agent', process('agent')],
    ...report.nodes.map((node): [string, string] => [
      `node ${node.name}`,
      node.ready ? 'Ready' : `not Ready: ${node.message}`,
    ]),
    ['pods', pods.join(', ') || 'none'],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const problems =
    report.problems.length > 0
      ? `\nProblems:\n${report.problems.map((p) => `  - ${p}`).join('\n')}\n`
      : '\nNothing is wrong.\n'
  return `${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\n${problems}`
}
