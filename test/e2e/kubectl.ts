// Unmodified kubectl programs to test with: the machine's own, and those of the distribution's newer suites, where they can be had.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Kubectl {
  /** `1.36` */
  version: string
  path: string
}

const cacheDir = join(tmpdir(), 'skiff-test-kubectl')

/** The oldest and the newest that can be had; at least one. @throws Error saying how to get one. */
export function kubectls(): Kubectl[] {
  const found = [...installed(), ...fromNewerSuite()]
  const byVersion = new Map(found.map((k) => [k.version, k]))
  const usable = [...byVersion.values()].filter((k) => minor(k) >= 28).sort((a, b) => minor(a) - minor(b))
  if (usable.length === 0) throw new Error('no kubectl (1.28 or newer) was found: install one on the PATH')
  return usable
}

const minor = (k: Kubectl) => Number(k.version.split('.')[1])

function versionOf(path: string): string | undefined {
  const { stdout, status } = spawnSync(path, ['version', '--client', '-o', 'json'], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  if (status !== 0) return undefined
  const { gitVersion } = (JSON.parse(stdout) as { clientVersion: { gitVersion: string } }).clientVersion
  return /^v(\d+\.\d+)/.exec(gitVersion)?.[1]
}

/** kubectl, and kubectl.1.30-like programs beside it, on the PATH. */
function installed(): Kubectl[] {
  const dirs = (process.env['PATH'] ?? '').split(':').filter((dir) => dir !== '' && existsSync(dir))
  const paths = dirs.flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => /^kubectl(\.\d+\.\d+)?$/.test(name))
      .map((name) => join(dir, name)),
  )
  return [...new Set(paths)].flatMap((path) => {
    const version = versionOf(path)
    return version ? [{ version, path }] : []
  })
}

/** Debian's development suite, from the same mirror that the machine uses, without touching the machine's own package lists. */
function fromNewerSuite(): Kubectl[] {
  const path = join(cacheDir, 'root/usr/bin/kubectl')
  if (!existsSync(path)) {
    try {
      download()
    } catch (err) {
      console.error(`no newer kubectl from the distribution: ${(err as Error).message.split('\n')[0]}`)
    }
  }
  const version = existsSync(path) ? versionOf(path) : undefined
  return version ? [{ version, path }] : []
}

function download(): void {
  const mirror = debianMirror()
  if (!mirror) throw new Error('this is not a Debian machine with apt')
  for (const dir of ['lists/partial', 'cache/archives/partial', 'debs', 'root'])
    mkdirSync(join(cacheDir, dir), { recursive: true })
  writeFileSync(join(cacheDir, 'sources.list'), `deb ${mirror} sid main\n`)
  const options = [
    `Dir::Etc::sourcelist=${cacheDir}/sources.list`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${cacheDir}/lists`,
    `Dir::Cache=${cacheDir}/cache`,
  ]
  const apt = (...args: string[]) =>
    execFileSync('apt-get', ['-q', ...options.flatMap((o) => ['-o', o]), ...args], {
      cwd: join(cacheDir, 'debs'),
      stdio: 'pipe',
      timeout: 180_000,
    })
  apt('update')
  let problem: unknown
  for (const name of ['kubectl/unstable', 'kubernetes-client/unstable']) {
    try {
      apt('download', name)
      problem = undefined
      break
    } catch (err) {
      problem = err
    }
  }
  if (problem) throw problem
  for (const deb of readdirSync(join(cacheDir, 'debs')))
    execFileSync('dpkg-deb', ['-x', join(cacheDir, 'debs', deb), join(cacheDir, 'root')])
}

function debianMirror(): string | undefined {
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync('/etc/apt/sources.list.d')
      ? readdirSync('/etc/apt/sources.list.d').map((f) => `/etc/apt/sources.list.d/${f}`)
      : []),
  ]
  for (const file of files.filter((f) => existsSync(f) && /\.(list|sources)$/.test(f))) {
    const match = /(?:^deb (?:\[[^\]]*\] )?|^URIs: *)(\S+\/debian)\/?(?:\s|$)/m.exec(readFileSync(file, 'utf8'))
    if (match) return match[1]
  }
  return undefined
}
