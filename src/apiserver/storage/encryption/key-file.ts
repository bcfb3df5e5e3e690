// The cluster's own encryption keys: an EncryptionConfiguration as JSON, in a file of its own, apart from the database. The first key
// writes; more than one are there while a rotation is under way. Made at the first start, but kept in memory until the database
// has been read with it: a key file that went missing must not be replaced by one that opens nothing.
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreUnusable } from '../store.ts'
import { API_VERSION, type EncryptionRule, KIND, parseEncryptionConfiguration } from './configuration.ts'
import { KeyedSealer } from './sealer.ts'

interface Key {
  readonly name: string
  readonly secret: string
}
interface KeyFile {
  readonly apiVersion: string
  readonly kind: string
  readonly resources: readonly [
    { readonly resources: readonly string[]; readonly providers: readonly [{ readonly aesgcm: { keys: Key[] } }] },
  ]
}

const KEY_BYTES = 32

const newKey = (): Key => ({
  name: `key-${randomBytes(4).toString('hex')}`,
  secret: randomBytes(KEY_BYTES).toString('base64'),
})

const keyFile = (keys: Key[]): KeyFile => ({
  apiVersion: API_VERSION,
  kind: KIND,
  resources: [{ resources: ['secrets'], providers: [{ aesgcm: { keys } }] }],
})

/** The sealer with the keys of the file; a file that does not exist is made by the sealer's `ready`. @throws StoreUnusable */
export async function sealerOf(path: string): Promise<KeyedSealer> {
  const found = await read(path)
  if (found) return new KeyedSealer(path, found.rules)
  const fresh = keyFile([newKey()])
  let saved: Promise<void> | undefined
  return new KeyedSealer(path, parseEncryptionConfiguration(fresh), () => {
    saved ??= write(path, fresh)
    return saved
  })
}

/** The file's rules; none when there is no such file. @throws StoreUnusable */
export async function rulesOf(path: string): Promise<readonly EncryptionRule[]> {
  return (await read(path))?.rules ?? []
}

/** How many keys the file has: more than one during a rotation. @throws StoreUnusable */
export async function keyCount(path: string): Promise<number> {
  return (await read(path))?.keys.length ?? 0
}

/** Makes a new key the first one; those before it stay for reading. @returns its name. @throws StoreUnusable */
export async function addKey(path: string): Promise<string> {
  const key = newKey()
  await write(path, keyFile([key, ...((await read(path))?.keys ?? [])]))
  return key.name
}

/**
 * Removes the keys older than the one that the sealer writes with: nothing may be sealed with them any more. One that was added
 * since stays. @returns how many. @throws StoreUnusable
 */
export async function dropOlderKeys(path: string, sealer: KeyedSealer): Promise<number> {
  const { keys = [] } = (await read(path)) ?? {}
  const used = keys.findIndex(({ name }) => sealer.writesWith(name))
  if (used < 0 || used === keys.length - 1) return 0
  await write(path, keyFile(keys.slice(0, used + 1)))
  return keys.length - used - 1
}

async function read(path: string): Promise<{ keys: Key[]; rules: EncryptionRule[] } | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(path, err)
  }
  try {
    const value = JSON.parse(text) as KeyFile
    return { rules: parseEncryptionConfiguration(value), keys: value.resources[0].providers[0].aesgcm.keys }
  } catch (err) {
    // A syntax error quotes what it could not read: that may be a key.
    throw unusable(path, err instanceof SyntaxError ? new Error('it is not JSON') : err)
  }
}

const unusable = (path: string, cause: unknown) =>
  new StoreUnusable(
    'inaccessible',
    `the encryption keys in ${path} cannot be used (${(cause as Error).message}): restore that file from a backup. Nothing was changed`,
  )

/** Whole or not at all, also after a power cut. */
async function write(path: string, content: KeyFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  const parent = await open(dirname(path), 'r')
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
}
