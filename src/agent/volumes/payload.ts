// Writes a set of files so that readers see either all of the old or all of the new ones: files live in a fresh `..2026_…` directory,
// `..data` is a link that is moved to it by one rename, and what the user sees are links into `..data`. k8s: programs watch `..data`.
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface PayloadFile {
  data: Uint8Array
  mode: number
}
/** By relative path: `tls/key.pem`. */
export type Payload = ReadonlyMap<string, PayloadFile>

const DATA = '..data'

/** @returns whether anything had to be written. @throws Error for a path that leaves the directory. */
export async function writePayload(dir: string, payload: Payload, fsGroup: number | undefined): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path)
  await mkdir(dir, { recursive: true })
  if (await isCurrent(dir, payload, fsGroup)) return false
  const oldVersion = await readlink(join(dir, DATA)).catch(() => undefined)
  const version = await mkdtemp(join(dir, `..${new Date().toISOString().replace(/\..*$/, '').replace(/[-T:]/g, '_')}.`))
  await chmod(version, 0o755)
  for (const [path, { data, mode }] of payload) {
    const file = join(version, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o755 })
    await writeFile(file, data, { mode })
    await chmod(file, fsGroup === undefined ? mode : mode | ((mode & 0o600) >> 3))
    if (fsGroup !== undefined) await chown(file, -1, fsGroup)
  }
  const link = join(dir, '..data_tmp')
  await rm(link, { force: true })
  await symlink(version.slice(dir.length + 1), link)
  await rename(link, join(dir, DATA))
  await linkTops(dir, payload)
  if (oldVersion && isVersion(oldVersion)) await rm(join(dir, oldVersion), { recursive: true, force: true })
  return true
}

const isVersion = (name: string) => name.startsWith('..') && name !== DATA && name !== '..' && !name.includes('/')

function checkPath(path: string): void {
  const parts = path.split('/')
  if (path === '' || path.startsWith('/') || parts.includes('..') || path.startsWith('..') || path.length > 4096)
    throw new Error(`invalid path ${JSON.stringify(path)}: must be relative and must not contain '..'`)
}

const tops = (payload: Payload) => new Set([...payload.keys()].map((path) => path.split('/')[0]!))

/** A link for each first path element; links of files that are gone are taken away. */
async function linkTops(dir: string, payload: Payload): Promise<void> {
  const wanted = tops(payload)
  for (const name of wanted) {
    const link = join(dir, name)
    const target = `${DATA}/${name}`
    if ((await readlink(link).catch(() => undefined)) === target) continue
    await rm(link, { recursive: true, force: true })
    await symlink(target, link)
  }
  for (const name of await readdir(dir)) {
    if (name.startsWith('..') || wanted.has(name)) continue
    await rm(join(dir, name), { recursive: true, force: true })
  }
}

async function isCurrent(dir: string, payload: Payload, fsGroup: number | undefined): Promise<boolean> {
  const root = join(dir, DATA)
  const present = await filesBelow(root).catch(() => undefined)
  if (!present || present.length !== payload.size) return false
  for (const path of present) {
    const file = payload.get(path)
    if (!file) return false
    const stat = await lstat(join(root, path))
    const mode = fsGroup === undefined ? file.mode : file.mode | ((file.mode & 0o600) >> 3)
    if ((stat.mode & 0o777) !== (mode & 0o777) || stat.size !== file.data.length) return false
    if (Buffer.compare(await readFile(join(root, path)), file.data) !== 0) return false
  }
  const shown = (await readdir(dir)).filter((name) => !name.startsWith('..'))
  return shown.length === tops(payload).size
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true })
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(root.length + 1))
}
