// A cluster on a test host, started by the launcher exactly as a user does, and kubectl pointed at it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Host, RunResult } from './host.ts'

const root = join(import.meta.dirname, '../..')

export interface Cluster {
  readonly host: Host
  readonly dataDir: string
  readonly kubeconfig: string
  skiff(...args: string[]): Promise<RunResult>
  /** Asserts exit code 0 and returns stdout. */
  kubectl(args: string, options?: { input?: string; timeoutMs?: number; env?: Record<string, string> }): Promise<string>
  /** Whatever happens. */
  tryKubectl(
    args: string,
    options?: { input?: string; timeoutMs?: number; env?: Record<string, string> },
  ): Promise<RunResult>
  /** Creates or changes what a manifest says. */
  apply(manifest: string): Promise<void>
  /** An object as the API has it, `get<Pod>('pod/web')`. */
  get<T>(what: string): Promise<T>
  /** Runs a shell script in a container, `pod` or `pod/container`; asserts exit code 0 and returns stdout. */
  sh(where: string, script: string): Promise<string>
}

/** @param kubectlPath the program to drive it with. */
export function clusterOn(
  host: Host,
  kubectlPath: string,
  { dataDir = join(host.dir, 'cluster'), flags = [] as string[] } = {},
): Cluster {
  const kubeconfig = join(dataDir, 'kubeconfig')
  const common = ['--data-dir', dataDir, '--docker-host', host.dockerHost, '--node-name', 'node1', ...flags]
  const tryKubectl: Cluster['tryKubectl'] = (args, options = {}) =>
    host.run([kubectlPath, ...words(args)], {
      ...options,
      env: { KUBECONFIG: kubeconfig, HOME: host.dir, EDITOR: 'true', ...options.env },
    })
  const kubectl: Cluster['kubectl'] = async (args, options) => {
    const result = await tryKubectl(args, options)
    assert.equal(result.code, 0, `kubectl ${args}\n${result.stdout}${result.stderr}`)
    return result.stdout
  }
  return {
    host,
    dataDir,
    kubeconfig,
    skiff: (command, ...args) => host.run([join(root, 'skiff'), command!, ...common, ...args], { timeoutMs: 180_000 }),
    tryKubectl,
    kubectl,
    async apply(manifest) {
      await kubectl('apply -f -', { input: manifest })
    },
    get: async (what) => JSON.parse(await kubectl(`get ${what} -o json`)),
    async sh(where, script) {
      const [pod, container] = where.split('/')
      const choice = container ? ['-c', container] : []
      const result = await host.run([kubectlPath, 'exec', pod!, ...choice, '--', 'sh', '-c', script], {
        env: { KUBECONFIG: kubeconfig, HOME: host.dir },
      })
      assert.equal(result.code, 0, `${where}: ${script}\n${result.stdout}${result.stderr}`)
      return result.stdout
    },
  }
}

/** Splits a command line at spaces, keeping 'quoted parts' whole. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:'([^']*)'|([^\s']+))+/g)].map((m) => m[0].replaceAll("'", ''))
}

/** Runs `look` until it returns something, for what has no event to wait for from outside. @throws the last problem after the time-out. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  let problem: unknown
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
      problem = undefined
    } catch (err) {
      problem = err
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause: problem })
}
