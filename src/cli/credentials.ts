// The cluster's certificates and the admin's kubeconfig, made by `up` before anything runs; a warm start only reads them.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { ensurePki, type Pki, PkiError } from '../base/pki.ts'
import { nthAddress } from './cidr.ts'
import { CliError, type Config } from './config.ts'
import { nodeAddress } from './node-address.ts'
import type { Paths } from './paths.ts'

/** @throws CliError when the authority cannot be used; the message says what to do. */
export async function clusterPki(config: Config, files: Paths): Promise<Pki> {
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  const domain = config.clusterDomain
  try {
    return await ensurePki(ctx, files.pki, {
      addresses: [nodeAddress(config.nodeIP), nthAddress(config.serviceCIDR, 1)],
      dnsNames: [hostname(), ...(domain === 'cluster.local' ? [] : [`kubernetes.default.svc.${domain}`])],
      clock: systemClock,
    })
  } catch (err) {
    if (err instanceof PkiError) throw new CliError(err.message)
    throw err
  }
}

/** The certificates of this machine as a node: as a client of the API server, and for its own port. Made or renewed when need be. */
export function nodePairs(pki: Pki, config: Config) {
  return pki.node(config.nodeName, { addresses: [nodeAddress(config.nodeIP)], dnsNames: [hostname()] })
}

export async function ensureCredentials(config: Config, files: Paths): Promise<void> {
  const pki = await clusterPki(config, files)
  await nodePairs(pki, config)
  await writeKubeconfig(pki, config, files)
}

/** The admin's kubeconfig; left alone when it says the same already. */
export async function writeKubeconfig(pki: Pki, config: Config, files: Paths): Promise<void> {
  const { buildKubeconfig, formatKubeconfig } = await import('../client/kubeconfig.ts')
  const text = formatKubeconfig(
    buildKubeconfig({
      server: `https://127.0.0.1:${config.apiPort}`,
      ca: pki.authorityCert,
      cluster: config.name,
      user: 'kubernetes-admin',
      credentials: pki.admin,
    }),
  )
  if (!existsSync(files.kubeconfig) || readFileSync(files.kubeconfig, 'utf8') !== text)
    writeFileSync(files.kubeconfig, text, { mode: 0o600 })
}

/** The kubeconfig of the cluster alone: where it is and whom to trust. For those who join, as cluster-info shows it. */
export function clusterInfo(pki: Pki, config: Config): string {
  const cluster = {
    'certificate-authority-data': Buffer.from(pki.authorityCert).toString('base64'),
    server: `https://${nodeAddress(config.nodeIP)}:${config.apiPort}`,
  }
  // JSON is YAML: what reads kubeconfigs reads it.
  const document = { apiVersion: 'v1', clusters: [{ cluster, name: '' }], contexts: [], kind: 'Config', users: [] }
  return `${JSON.stringify(document, undefined, 2)}\n`
}
