// The list of commands, and how a command line becomes a call of one of them.
// A command's module is loaded only when it is run: `skiff server` must not pay for `skiff up`.
import { CliError, parseFlags, type Switch, USAGE_OF_FLAGS } from './config.ts'

export interface Command {
  name: string
  summary: string
  /** Resolves with the exit code. Throw CliError for what the user can mend. */
  load: () => Promise<{ run: (args: ParsedArgs) => Promise<number> }>
  /** Flags without a value that it takes. */
  switches?: readonly Switch[]
  /** What it can be applied to: its first argument is one of them. */
  subjects?: readonly string[]
}
export type ParsedArgs = ReturnType<typeof parseFlags>

const commands: readonly Command[] = [
  {
    name: 'up',
    summary: 'start the cluster (--demo: with nginx behind a Service)',
    switches: ['demo'],
    load: () => import('./up.ts'),
  },
  {
    name: 'down',
    summary: 'stop it and remove what it made; keeps the data (--purge: removes the data too)',
    switches: ['purge'],
    load: () => import('./down.ts'),
  },
  {
    name: 'status',
    summary: 'what runs, where, and what is wrong (--json: for programs)',
    switches: ['json'],
    load: () => import('./status.ts'),
  },
  { name: 'kubeconfig', summary: "print the admin's kubeconfig", load: () => import('./kubeconfig.ts') },
  {
    name: 'prepare',
    summary: 'make certificates, kubeconfig and directories without starting anything',
    load: () => import('./prepare.ts'),
  },
  {
    name: 'rotate',
    summary: 'replace a key of the cluster while it runs: encryption-key, service-account-key',
    subjects: ['encryption-key', 'service-account-key'],
    load: () => import('./rotate.ts'),
  },
  { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
  { name: 'server', summary: 'run the control plane in the foreground', load: () => import('./server.ts') },
  { name: 'agent', summary: 'run the node agent in the foreground', load: () => import('./agent.ts') },
]

export async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  const command = commands.find((c) => c.name === name)
  if (!command) {
    const asked = name === undefined || name === 'help' || name === '--help' || name === '-h'
    const text = usage()
    if (asked) process.stdout.write(text)
    else process.stderr.write(`skiff: unknown command ${JSON.stringify(name)}\n\n${text}`)
    return asked && name !== undefined ? 0 : 2
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(`skiff ${command.name}: ${command.summary}\n\n${USAGE_OF_FLAGS}`)
    return 0
  }
  try {
    const args = parseFlags(rest, command.switches, command.subjects)
    const module = await command.load()
    return await module.run(args)
  } catch (err) {
    if (!(err instanceof CliError)) throw err
    process.stderr.write(`skiff: ${err.message}\n`)
    return err.exitCode
  }
}

export function usage(): string {
  const width = Math.max(...commands.map((c) => c.name.length))
  const lines = commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`)
  return `Kubernetes that one person can hold in one hand.\n\nUsage: skiff COMMAND [flags]\n\n${lines.join('\n')}\n\n${USAGE_OF_FLAGS}`
}
