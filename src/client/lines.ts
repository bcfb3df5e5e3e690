// Splits a byte stream into lines, wherever its chunks happen to be cut, and refuses lines that are longer than a bound.
const LINE_FEED = 10

/** Yields lines without their line feed; a last line without one is yielded too, empty lines are not. @throws Error past `maxLineBytes`. */
export async function* readLines(source: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator<string> {
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  const take = (last: Uint8Array): string => {
    if (pendingBytes + last.length > maxLineBytes) throw tooLong(maxLineBytes)
    const line = pending.length === 0 ? toText(last) : Buffer.concat([...pending, last]).toString()
    pending = []
    pendingBytes = 0
    return line
  }
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const line = take(chunk.subarray(start, end))
      if (line) yield line
      start = end + 1
    }
    if (start === chunk.length) continue
    pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > maxLineBytes) throw tooLong(maxLineBytes)
  }
  const line = take(new Uint8Array())
  if (line) yield line
}

const toText = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
const tooLong = (max: number) => new Error(`a line of the stream is longer than ${max} bytes`)
