// One HTTP/2 connection to the API as the admin, without what a client does to answers: bodies are counted and dropped, not parsed,
// so that a rate is the server's and not that of this process.
import { readFileSync } from 'node:fs'
import * as http2 from 'node:http2'
import { join } from 'node:path'
import type { Bench } from '../bench.ts'

export class ApiConnection {
  readonly #session: http2.ClientHttp2Session

  constructor({ dataDir }: Bench) {
    const pem = (name: string) => readFileSync(join(dataDir, 'pki', name))
    this.#session = http2.connect('https://127.0.0.1:6443', {
      ca: pem('ca.crt'),
      cert: pem('admin.crt'),
      key: pem('admin.key'),
      settings: { enablePush: false, initialWindowSize: 2 ** 24 },
    })
    this.#session.once('connect', () => this.#session.setLocalWindowSize(2 ** 24))
  }

  /** Resolves with the answer's size once all of it is here. @throws Error when the answer is not a success. */
  send(method: string, path: string, body?: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(
        {
          ':method': method,
          ':path': path,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        { endStream: body === undefined },
      )
      let status = 0
      let sizeBytes = 0
      stream.once('response', (head) => {
        status = head[':status'] ?? 0
      })
      stream.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length
      })
      stream.once('error', reject)
      stream.once('end', () =>
        status >= 200 && status < 300 ? resolve(sizeBytes) : reject(new Error(`${method} ${path}: ${status}`)),
      )
      if (body !== undefined) stream.end(body)
    })
  }

  close(): void {
    this.#session.close()
  }
}
