// The body of an answer as a whole, up to a bound: what other servers send is no more to be trusted than what clients send.
import type { IncomingMessage } from 'node:http'

/** @throws Error when it is longer than `maxBytes`, or breaks off */
export async function wholeBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) {
      answer.destroy()
      throw new Error(`the answer is larger than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
