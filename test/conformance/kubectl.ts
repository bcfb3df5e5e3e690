// The kubectl programs of this machine (its own, and one that the end-to-end tests have fetched) against a server of the conformance
// tests: no Docker, milliseconds a command.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConformanceServer } from './server.ts'

export interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}
export interface Following {
  /** The next line of its output that matches. @throws when it ends before, or says none within ten seconds */
  line(pattern: RegExp): Promise<string>
  end(): void
}
export interface Kubectl {
  readonly program: string
  /** Whether there is one; where not, tests with it are skipped. */
  readonly found: boolean
  /** Words in 'single quotes' stay whole. */
  run(args: string, input?: string, env?: Record<string, string>): Promise<Result>
  follow(args: string): Following
}

const candidates = ['kubectl', join(tmpdir(), 'skiff-test-kubectl/root/usr/bin/kubectl')]
const found = candidates.filter((program) => {
  if (program !== 'kubectl' && !existsSync(program)) return false
  try {
    execFileSync(program, ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})

/** At least one: where there is none, one that is not `found`. */
export async function kubectls(api: ConformanceServer): Promise<{ programs: Kubectl[]; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-kubectl-'))
  const kubeconfig = join(directory, 'kubeconfig')
  await writeFile(kubeconfig, api.config.exportConfig())
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory }
  const programs = (found.length > 0 ? found : ['kubectl']).map((program): Kubectl => {
    return {
      program,
      found: found.length > 0,
      run: (args, input, more = {}) =>
        new Promise((resolve) => {
          const options = { env: { ...env, ...more }, timeout: 30_000 }
          const child = execFile(program, words(args), options, (err, out, stderr) => {
            resolve({ code: err ? Number(err.code ?? 1) : 0, out, err: stderr })
          })
          child.stdin?.end(input)
        }),
      follow(args) {
        const child = spawn(program, words(args), { env, stdio: ['ignore', 'pipe', 'inherit'] })
        const lines = linesOf(child.stdout)
        return {
          async line(pattern) {
            const late = AbortSignal.timeout(10_000)
            late.addEventListener('abort', () => child.kill(), { once: true })
            for (;;) {
              const { value, done } = await lines.next()
              if (done) throw new Error(`kubectl ${args} never said ${pattern}`)
              if (pattern.test(value)) return value
            }
          },
          end: () => child.kill(),
        }
      },
    }
  })
  return { programs, close: () => rm(directory, { recursive: true, force: true }) }
}

const words = (args: string) => (args.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/s, '$1'))

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  return undefined
}
