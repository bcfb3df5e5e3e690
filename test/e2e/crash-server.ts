// The server of the crash test as its clients see it: started, killed, spoken to over HTTP/2 with the administrator's certificate.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { join } from 'node:path'

// biome-ignore lint/suspicious/noExplicitAny: answers of every kind
export type Json = any

const PROGRAM = join(import.meta.dirname, '../fixtures/crash-server.ts')
const SESSIONS = 4

export interface Reply {
  readonly status: number
  readonly body: Json
}

export class CrashServer {
  readonly process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #sessions: ClientHttp2Session[]
  #next = 0

  private constructor(process: ChildProcess, exited: Promise<unknown>, sessions: ClientHttp2Session[]) {
    this.process = process
    this.#exited = exited
    this.#sessions = sessions
  }

  static spawn(directory: string): ChildProcess {
    const execArgv = ['--disable-warning=ExperimentalWarning']
    // A hundred starts of the same program: it is compiled once.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled') }
    return fork(PROGRAM, [directory], { execArgv, env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  }

  /** Resolves when it listens. */
  static async start(directory: string): Promise<CrashServer> {
    const child = CrashServer.spawn(directory)
    const exited = once(child, 'exit')
    const early = exited.then(([code, signal]) => {
      throw new Error(`the server ended while it started: ${code ?? signal}`)
    })
    const [{ port }] = (await Promise.race([once(child, 'message'), early])) as [{ port: number }]
    early.catch(() => undefined)
    const [ca, cert, key] = await Promise.all(
      ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFile(join(directory, 'pki', name))),
    )
    const sessions = Array.from({ length: SESSIONS }, () =>
      connect(`https://127.0.0.1:${port}`, { ca: ca!, cert: cert!, key: key! }).on('error', () => undefined),
    )
    return new CrashServer(child, exited, sessions)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.#exited
    for (const session of this.#sessions) session.destroy()
  }

  /** Undefined when the connection was cut before the whole answer was there. */
  send(method: string, path: string, body?: object, type = 'application/json'): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      const stream = this.#open(method, path, body && type)
      if (!stream) return resolve(undefined)
      let status = 0
      let text = ''
      let ended = false
      stream.setEncoding('utf8')
      stream.on('response', (headers) => {
        status = Number(headers[':status'])
      })
      stream.on('data', (chunk: string) => {
        text += chunk
      })
      stream.on('end', () => {
        ended = status > 0
      })
      stream.on('close', () => resolve(ended && isWhole(text) ? { status, body: JSON.parse(text) } : undefined))
      stream.end(body && JSON.stringify(body))
    })
  }

  /** The events of a watch, until it is cut. @throws when it is refused */
  async *watch(path: string): AsyncGenerator<{ type: string; object: Json }> {
    const stream = this.#open('GET', path, undefined)
    if (!stream) return
    stream.end()
    stream.setEncoding('utf8')
    let status = 0
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
    })
    let rest = ''
    try {
      for await (const chunk of stream) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()!
        if (status !== 200) throw new Error(`watch refused: ${status} ${rest}`)
        for (const line of lines) yield JSON.parse(line)
      }
    } catch (err) {
      if (status !== 200 && status !== 0) throw err
    }
  }

  #open(method: string, path: string, type: string | undefined): ClientHttp2Stream | undefined {
    const session = this.#sessions[this.#next++ % SESSIONS]!
    if (session.destroyed || session.closed) return undefined
    try {
      const headers = { ':method': method, ':path': path, ...(type ? { 'content-type': type } : {}) }
      return session.request(headers, { endStream: false }).on('error', () => undefined)
    } catch {
      return undefined
    }
  }
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
