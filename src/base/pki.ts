// The cluster's keys and certificates on disk. `ensurePki` makes what is missing, replaces what is about to expire or no longer fits,
// and leaves everything else alone, so that a warm start only reads files. The authority is never replaced by itself: every
// kubeconfig and every node trusts it.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CertificateSpec,
  createAuthority,
  inspectCertificate,
  issueCertificate,
  type KeyPair,
  matches,
  renewalAtMs,
  whyReplace,
} from './certificates.ts'
import type { Clock } from './clock.ts'
import type { Ctx } from './ctx.ts'

const YEAR_MS = 365 * 24 * 3600_000
const AUTHORITY_LIFETIME_MS = 10 * YEAR_MS
const LIFETIME_MS = YEAR_MS

/** Names by which clients inside the cluster know the API server. */
const SERVER_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
]
const LOOPBACK = ['127.0.0.1', '::1']

export interface PkiOptions {
  /** IP addresses under which the API server is reached, beyond loopback: the node's, the `kubernetes` Service's. */
  readonly addresses: readonly string[]
  /** Host names, beyond localhost and the in-cluster ones. */
  readonly dnsNames: readonly string[]
  readonly clock: Clock
}

export interface NodeAddresses {
  readonly addresses: readonly string[]
  readonly dnsNames: readonly string[]
}

export interface Pki {
  /** PEM of the authority that all clients and servers trust. */
  readonly authorityCert: string
  readonly server: KeyPair
  /** The API server as a client of the nodes. */
  readonly kubeletClient: KeyPair
  readonly admin: KeyPair
  /** How aggregated servers know that a request comes through this one: an authority of its own, and a certificate of it. */
  readonly frontProxy: { readonly ca: string; readonly client: KeyPair }
  /** The authority itself, to sign certificates on request. Its key is the cluster's greatest secret. */
  readonly authority: KeyPair
  /** PEM of the key that signs service account tokens, and public keys of those that signed before. */
  readonly tokenKeys: TokenKeyTexts
  /** Certificates of a node: as a client of the API server, and for its own HTTPS port. Made when missing. */
  node(name: string, addresses: NodeAddresses): Promise<{ client: KeyPair; serving: KeyPair }>
  /** Replaces those of `server`, `kubeletClient`, `frontProxy` and `admin` that are due; the properties then show the new ones. */
  renew(): Promise<void>
  /** Reads the token keys anew, after a rotation. @throws PkiError; the old ones stay */
  reloadTokenKeys(): Promise<void>
}

export interface TokenKeyTexts {
  readonly signing: string
  readonly retired: readonly string[]
}

export class PkiError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PkiError'
  }
}

/** @throws PkiError when the authority is incomplete or unreadable; the message says what to do. */
export async function ensurePki(ctx: Ctx, directory: string, options: PkiOptions): Promise<Pki> {
  const { clock } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const authority = await ensureAuthority(directory, 'ca', 'kubernetes', clock)
  const proxyAuthority = await ensureAuthority(directory, 'front-proxy-ca', 'front-proxy-ca', clock)
  const ensure = (name: string, spec: CertificateSpec) => ensurePair(ctx, directory, authority, name, spec, clock)
  const serverSpec: CertificateSpec = {
    commonName: 'kube-apiserver',
    dnsNames: unique([...SERVER_NAMES, ...options.dnsNames]),
    addresses: unique([...LOOPBACK, ...options.addresses]),
    usages: ['server'],
    lifetimeMs: LIFETIME_MS,
  }
  const client = (commonName: string, ...organizations: string[]): CertificateSpec => ({
    commonName,
    organizations,
    usages: ['client'],
    lifetimeMs: LIFETIME_MS,
  })
  const ensureOwn = async () => ({
    server: await ensure('apiserver', serverSpec),
    kubeletClient: await ensure(
      'apiserver-kubelet-client',
      client('kube-apiserver-kubelet-client', 'kubeadm:cluster-admins'),
    ),
    admin: await ensure('admin', client('kubernetes-admin', 'kubeadm:cluster-admins')),
    proxyClient: await ensurePair(
      ctx,
      directory,
      proxyAuthority,
      'front-proxy-client',
      client('front-proxy-client'),
      clock,
    ),
  })
  let own = await ensureOwn()
  let tokenKeys = await ensureTokenKeys(directory)
  return {
    authorityCert: authority.cert,
    get server() {
      return own.server
    },
    get kubeletClient() {
      return own.kubeletClient
    },
    get admin() {
      return own.admin
    },
    get frontProxy() {
      return { ca: proxyAuthority.cert, client: own.proxyClient }
    },
    authority,
    get tokenKeys() {
      return tokenKeys
    },
    async renew() {
      own = await ensureOwn()
    },
    async reloadTokenKeys() {
      tokenKeys = await ensureTokenKeys(directory)
    },
    async node(name, { addresses, dnsNames }) {
      const serving: CertificateSpec = {
        commonName: `system:node:${name}`,
        organizations: ['system:nodes'],
        dnsNames: unique([name, ...dnsNames]),
        addresses: unique([...LOOPBACK, ...addresses]),
        usages: ['server'],
        lifetimeMs: LIFETIME_MS,
      }
      return {
        client: await ensure(`node-${name}`, client(`system:node:${name}`, 'system:nodes')),
        serving: await ensure(`kubelet-${name}`, serving),
      }
    },
  }
}

/**
 * Calls `renew` whenever the first of `pairs()` becomes due, until the ctx ends: it replaces what is due, and swaps it into whatever
 * runs (`server.setSecureContext`). A failed renewal is logged and tried again in an hour: a third of the lifetime is left for it.
 */
export function keepRenewed(ctx: Ctx, clock: Clock, pairs: () => readonly KeyPair[], renew: () => Promise<void>): void {
  const RETRY_MS = 3600_000
  const arm = (delayMs: number) => {
    if (ctx.signal.aborted) return
    const timer = clock.after(delayMs, () => {
      ctx.signal.removeEventListener('abort', timer.cancel)
      void renewNow()
    })
    ctx.signal.addEventListener('abort', timer.cancel, { once: true })
  }
  const untilDue = () => {
    const dueMs = pairs().map((pair) => renewalAtMs(inspectCertificate(pair.cert)))
    return Math.max(Math.min(...dueMs) - clock.now(), 0)
  }
  const renewNow = async () => {
    try {
      await renew()
      arm(Math.max(untilDue(), RETRY_MS))
    } catch (err) {
      ctx.log.error({ err }, 'certificates not renewed')
      arm(RETRY_MS)
    }
  }
  arm(untilDue())
}

async function ensureAuthority(directory: string, name: string, commonName: string, clock: Clock): Promise<KeyPair> {
  const [cert, key] = await readPair(directory, name)
  if (cert === undefined && key === undefined) {
    const authority = await createAuthority(commonName, AUTHORITY_LIFETIME_MS, clock.now())
    await writePair(directory, name, authority)
    return authority
  }
  const advice = `restore ${directory} from a backup, or remove it to start with a new authority (all kubeconfigs and nodes then need new certificates)`
  if (cert === undefined || key === undefined) {
    throw new PkiError(`${join(directory, cert === undefined ? `${name}.crt` : `${name}.key`)} is missing: ${advice}`)
  }
  try {
    if (!matches({ cert, key })) throw new Error(`${name}.key does not belong to ${name}.crt`)
    if (inspectCertificate(cert).notAfterMs <= clock.now()) throw new Error(`${name}.crt has expired`)
  } catch (cause) {
    throw new PkiError(`the certificate authority can't be used: ${(cause as Error).message}: ${advice}`, { cause })
  }
  return { cert, key }
}

async function ensurePair(
  ctx: Ctx,
  directory: string,
  authority: KeyPair,
  name: string,
  spec: CertificateSpec,
  clock: Clock,
): Promise<KeyPair> {
  const [cert, key] = await readPair(directory, name)
  if (cert !== undefined && key !== undefined) {
    const why = whyReplace({ cert, key }, authority.cert, spec, clock.now())
    if (!why) return { cert, key }
    ctx.log.info({ certificate: name, why }, 'certificate replaced')
  }
  const pair = await issueCertificate(authority, spec, clock.now())
  await writePair(directory, name, pair)
  return pair
}

/** P-256: tokens are short, and making the key takes no time. k8s: JWTs signed with ES256. */
async function ensureTokenKeys(directory: string): Promise<TokenKeyTexts> {
  let signing = await readText(join(directory, 'sa.key'))
  if (signing === undefined) {
    signing = newTokenKey()
    await writeText(join(directory, 'sa.key'), signing, 0o600)
  }
  const publicKey = publicTokenKey(directory, signing)
  if ((await readText(join(directory, 'sa.pub'))) !== publicKey) {
    await writeText(join(directory, 'sa.pub'), publicKey, 0o644)
  }
  const texts = await Promise.all((await retiredNames(directory)).map((name) => readText(join(directory, name))))
  const retired = texts.filter((text) => text !== undefined && text !== publicKey) as string[]
  for (const text of retired) {
    try {
      createPublicKey(text)
    } catch (cause) {
      throw new PkiError(`${directory} has a retired token key that is not a public key`, { cause })
    }
  }
  return { signing, retired }
}

/**
 * A new key signs service account tokens from now on; the public part of the old one stays beside it as `sa-<n>.pub`, so that its
 * tokens hold until they expire. In this order on disk, so that no moment loses a key. Resolves to the retired key's file.
 */
export async function rotateTokenKey(directory: string): Promise<string> {
  const path = join(directory, 'sa.key')
  const old = await readText(path)
  if (old === undefined) throw new PkiError(`${path} is missing: there is no key to rotate`)
  const numbers = (await retiredNames(directory)).map((name) => Number(RETIRED.exec(name)![1]))
  const retired = join(directory, `sa-${Math.max(0, ...numbers) + 1}.pub`)
  await writeText(retired, publicTokenKey(directory, old), 0o644)
  const next = newTokenKey()
  await writeText(path, next, 0o600)
  await writeText(join(directory, 'sa.pub'), publicTokenKey(directory, next), 0o644)
  return retired
}

const RETIRED = /^sa-(\d+)\.pub$/
const retiredNames = async (directory: string) => (await readdir(directory)).filter((name) => RETIRED.test(name)).sort()

function newTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function publicTokenKey(directory: string, privateKey: string): string {
  try {
    return createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'pem' }).toString()
  } catch (cause) {
    const advice = 'restore it from a backup, or remove it (all service account tokens then become invalid)'
    throw new PkiError(`${join(directory, 'sa.key')} is not a private key: ${advice}`, { cause })
  }
}

const readPair = (directory: string, name: string) =>
  Promise.all([readText(join(directory, `${name}.crt`)), readText(join(directory, `${name}.key`))])

/** The key first: a certificate without its key would be taken for a broken pair. */
async function writePair(directory: string, name: string, pair: KeyPair): Promise<void> {
  await writeText(join(directory, `${name}.key`), pair.key, 0o600)
  await writeText(join(directory, `${name}.crt`), pair.cert, 0o644)
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new PkiError(`${path} can't be read: ${(err as Error).message}`, { cause: err })
  }
}

/** Whole or not at all, also after a power cut. */
async function writeText(path: string, text: string, mode: number): Promise<void> {
  const file = await open(`${path}.new`, 'w', mode)
  try {
    await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

const unique = (names: readonly string[]) => [...new Set(names)]
