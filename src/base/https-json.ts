// Fetches a JSON document over HTTPS: bounded in size and time, following no redirects. For documents that are fetched rarely.
import https from 'node:https'

export interface FetchOptions {
  /** PEM; the system's authorities without it. */
  readonly ca?: string | undefined
  readonly timeoutMs: number
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

const MAX_BYTES = 1024 * 1024

/** @throws Error naming the address and what went wrong */
export async function fetchJson(url: string, options: FetchOptions): Promise<unknown> {
  const { ca, timeoutMs, maxBytes = MAX_BYTES, signal } = options
  const late = AbortSignal.timeout(timeoutMs)
  const both = signal ? AbortSignal.any([signal, late]) : late
  try {
    const text = await new Promise<string>((resolve, reject) => {
      const request = https.get(url, { ...(ca ? { ca } : {}), signal: both, agent: false }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > maxBytes) request.destroy(new Error(`the answer is longer than ${maxBytes} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString()
          if (response.statusCode === 200) resolve(body)
          else reject(new Error(`${response.statusCode} ${response.statusMessage}: ${body.slice(0, 200)}`))
        })
      })
      request.on('error', reject)
    })
    return JSON.parse(text)
  } catch (err) {
    throw new Error(`Get ${JSON.stringify(url)}: ${(err as Error).message}`, { cause: err })
  }
}
