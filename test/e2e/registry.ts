// Debian's docker-registry on a test host's loopback, which every Engine trusts without TLS. Found on the PATH or taken out of the
// distribution's package without installing it, so that no service is started on the machine.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './cluster.ts'
import type { Host } from './host.ts'

export interface Registry {
  /** `127.0.0.1:5000` */
  readonly name: string
  /** Puts an image of the host's Engine there under a name, and takes that name off the Engine again. */
  push(image: string, name: string): Promise<void>
  stop(): Promise<void>
}

/** @throws Error when there is no docker-registry to be had. */
function program(): string {
  for (const dir of ['/usr/bin', '/usr/local/bin'])
    if (existsSync(join(dir, 'docker-registry'))) return join(dir, 'docker-registry')
  const cache = join(tmpdir(), 'skiff-test-registry')
  const path = join(cache, 'root/usr/bin/docker-registry')
  if (existsSync(path)) return path
  mkdirSync(join(cache, 'root'), { recursive: true })
  const run = (name: string, ...args: string[]) =>
    execFileSync(name, args, { cwd: cache, stdio: 'pipe', timeout: 120_000 })
  try {
    run('apt-get', '-q', 'download', 'docker-registry')
  } catch {
    run('apt-get', '-q', 'update')
    run('apt-get', '-q', 'download', 'docker-registry')
  }
  run('dpkg-deb', '-x', readdirSync(cache).find((file) => file.endsWith('.deb'))!, 'root')
  return path
}

export async function startRegistry(host: Host, port = 5000): Promise<Registry> {
  const name = `127.0.0.1:${port}`
  const dir = join(host.dir, 'registry')
  mkdirSync(dir)
  const config = join(dir, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\nhttp: { addr: "${name}" }\n`,
  )
  const child = spawn(join(import.meta.dirname, '../testbed/host.sh'), ['run', host.name, program(), 'serve', config], {
    env: { ...process.env, SKIFF_TESTBED_DIR: host.dir },
    stdio: 'ignore',
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const docker = async (...args: string[]) => {
    const { code, stderr } = await host.run(['docker', ...args])
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`)
  }
  await until('the registry answers', async () => (await host.run(['curl', '-sf', `http://${name}/v2/`])).code === 0)
  return {
    name,
    async push(image, as) {
      await docker('tag', image, `${name}/${as}`)
      await docker('push', '-q', `${name}/${as}`)
      await docker('rmi', `${name}/${as}`)
    },
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}
