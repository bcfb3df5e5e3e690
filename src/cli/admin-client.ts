// The admin's client for the cluster of a data directory: over HTTPS, with the certificate that `up` made.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../client/api-client.ts'
import type { Client } from '../client/client.ts'
import { httpsTransport } from '../client/https-transport.ts'
import { CliError, type Config } from './config.ts'
import type { Paths } from './paths.ts'

export interface AdminClient extends Client {
  /** Ends the connection; the process would wait for it otherwise. */
  close(): void
}

/** @throws CliError when the credentials are missing. */
export function adminClient(files: Paths, config: Config): AdminClient {
  const read = (name: string) => {
    const file = join(files.pki, name)
    if (!existsSync(file)) throw new CliError(`${file} is missing: "skiff up" makes it again`)
    return readFileSync(file, 'utf8')
  }
  const transport = httpsTransport({
    server: `https://127.0.0.1:${config.apiPort}`,
    ca: read('ca.crt'),
    clientCertificate: () => ({ cert: read('admin.crt'), key: read('admin.key') }),
    userAgent: 'skiff',
    requestTimeoutMs: 10_000,
  })
  return Object.assign(createClient(transport, { fieldManager: 'skiff' }), { close: () => transport.close() })
}
