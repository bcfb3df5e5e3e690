// The demo's nginx image: pulled where a registry can be reached, else put together from the distribution's own nginx package.
// Nothing is installed on the host for it: the packages are downloaded and unpacked into a temporary directory.

import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type Docker from 'dockerode'
import { CliError } from '../config.ts'
import { command, installed } from '../docker-engine.ts'

export const PULLED = 'nginx:alpine'
export const BUILT = 'skiff/nginx:distribution'

/** How long a registry may say nothing before it counts as out of reach. */
const SILENCE_MS = 8000

export interface DemoImage {
  name: string
  /** For the progress line. */
  origin: string
}

/** @throws CliError when there is neither a registry nor a package to make it from. */
export async function ensureNginxImage(docker: Docker, signal: AbortSignal): Promise<DemoImage> {
  if (await present(docker, PULLED)) return { name: PULLED, origin: `${PULLED} is present` }
  if (await present(docker, BUILT))
    return { name: BUILT, origin: 'built earlier from the distribution’s nginx package' }
  try {
    await pull(docker, PULLED, signal)
    return { name: PULLED, origin: `pulled ${PULLED}` }
  } catch (err) {
    signal.throwIfAborted()
    const why = (err as Error).message.split('\n')[0]
    if (!installed('apt-get') || !installed('dpkg-deb')) {
      throw new CliError(
        `cannot pull ${PULLED} (${why}), and this machine has no apt to build an equivalent from: load the image by "docker load" and run this again`,
      )
    }
    await build(docker, signal)
    return { name: BUILT, origin: 'no registry in reach: built from the distribution’s nginx package' }
  }
}

async function present(docker: Docker, name: string): Promise<boolean> {
  return docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    )
}

async function pull(docker: Docker, name: string, signal: AbortSignal): Promise<void> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error('the registry does not answer')), SILENCE_MS)
  const either = AbortSignal.any([signal, silence.signal])
  try {
    const stream = await docker.pull(name, { abortSignal: either })
    await new Promise<void>((resolve, reject) => {
      either.addEventListener('abort', () => reject(either.reason), { once: true })
      docker.modem.followProgress(
        stream,
        (err) => (err ? reject(err) : resolve()),
        () => timer.refresh(),
      )
    })
  } finally {
    clearTimeout(timer)
  }
}

const CONFIG = `user nobody nogroup;
worker_processes 1;
error_log /dev/stderr;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  include mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  sendfile on;
  server { listen 80; root /usr/share/nginx/html; }
}
`

async function build(docker: Docker, signal: AbortSignal): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'skiff-nginx-'))
  try {
    const unpacked = join(work, 'unpacked')
    const binary = await unpackNginx(work, unpacked, signal)
    const root = join(work, 'root')
    for (const dir of ['etc/nginx', 'usr/share/nginx/html', 'var/lib/nginx', 'var/log/nginx', 'run', 'tmp'])
      mkdirSync(join(root, dir), { recursive: true })
    await copyProgram(binary, unpacked, root, signal)
    cpSync(join(unpacked, 'etc/nginx/mime.types'), join(root, 'etc/nginx/mime.types'))
    symlinkSync('../run', join(root, 'var/run'))
    writeFileSync(join(root, 'etc/nginx/nginx.conf'), CONFIG)
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/\nnobody:x:65534:65534:nobody:/:/\n')
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
    writeFileSync(
      join(root, 'usr/share/nginx/html/index.html'),
      '<!doctype html><title>nginx</title><h1>nginx is running</h1>\n',
    )
    await importTar(docker, root, signal)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Downloads the package with the nginx program, what it has of its own and the libraries it names. @returns the program's path. */
async function unpackNginx(work: string, unpacked: string, signal: AbortSignal): Promise<string> {
  const debs = join(work, 'debs')
  mkdirSync(debs)
  const download = async (name: string) =>
    command('sh', ['-c', 'cd "$1" && apt-get download -q "$2"', 'sh', debs, name], signal)
  const program = join(unpacked, 'usr/sbin/nginx')
  await command('apt-get', ['update', '-q'], signal).catch(() => {}) // an old list may do
  // The program's package has had several names: nginx since Debian 12, nginx-light and nginx-core before and on Ubuntu.
  for (const name of ['nginx', 'nginx-light', 'nginx-core']) {
    await download(name).catch(() => {})
    await unpackAll(debs, unpacked, signal)
    if (existsSync(program)) break
  }
  if (!existsSync(program))
    throw new CliError('the distribution’s nginx package could not be downloaded: check "apt-get download nginx"')
  await download('nginx-common')
  const fields = await Promise.all(
    readdirSync(debs)
      .filter((deb) => !deb.startsWith('nginx-common'))
      .map((deb) => command('dpkg-deb', ['-f', join(debs, deb), 'Depends'], signal)),
  )
  const libraries = [
    ...new Set(
      fields
        .join(',')
        .split(/[,|]/)
        .map((dep) => dep.trim().split(/[ :(]/)[0]!),
    ),
  ].filter((name) => /^(lib|zlib)/.test(name))
  for (const name of libraries) if (name !== 'libc6') await download(name)
  await unpackAll(debs, unpacked, signal)
  return program
}

async function unpackAll(debs: string, target: string, signal: AbortSignal): Promise<void> {
  mkdirSync(target, { recursive: true })
  for (const deb of readdirSync(debs)) await command('dpkg-deb', ['-x', join(debs, deb), target], signal)
}

/** The program and every library that its loader names, the unpacked ones before the host's. */
async function copyProgram(binary: string, unpacked: string, root: string, signal: AbortSignal): Promise<void> {
  const libraryDirs = ['usr/lib', 'lib'].flatMap((dir) => {
    const base = join(unpacked, dir)
    return existsSync(base)
      ? [
          base,
          ...readdirSync(base, { withFileTypes: true })
            .filter((e) => e.isDirectory())
            .map((e) => join(base, e.name)),
        ]
      : []
  })
  const listing = await command(
    'sh',
    ['-c', 'LD_LIBRARY_PATH="$1" ldd "$2"', 'sh', libraryDirs.join(':'), binary],
    signal,
  )
  const missing = /^\s*(\S+) => not found/m.exec(listing)
  if (missing) throw new CliError(`nginx needs ${missing[1]}, which neither the host nor its packages provide`)
  const copy = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true })
    cpSync(realpathSync(from), join(root, to))
  }
  copy(binary, '/usr/sbin/nginx')
  for (const line of listing.split('\n')) {
    const named = /^\s*(?:\S+ => )?(\/\S+) \(/.exec(line)?.[1]
    // Below the temporary directory's prefix stands the path that the loader will look for.
    if (named) copy(named, named.startsWith(unpacked) ? named.slice(unpacked.length) : named)
  }
}

async function importTar(docker: Docker, root: string, signal: AbortSignal): Promise<void> {
  const tar = spawn('tar', ['-C', root, '--numeric-owner', '--owner=0', '--group=0', '-c', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  })
  const [repo, tag] = BUILT.split(':')
  const changes = ['EXPOSE 80', 'CMD ["/usr/sbin/nginx", "-g", "daemon off;"]', 'LABEL skiff.origin=distribution']
  const stream = (await docker.importImage(tar.stdout, { repo, tag, changes } as object)) as unknown
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(stream as NodeJS.ReadableStream, (err) => (err ? reject(err) : resolve())),
  )
}
