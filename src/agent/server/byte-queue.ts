// Chunks from a source that pushes to a consumer that pulls. Tells the source to hold on when too much waits.

export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #limitBytes: number
  readonly #onFull: () => void
  readonly #onDrained: () => void
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #full = false
  #ended = false
  #wake: (() => void) | undefined

  constructor(limitBytes: number, onFull: () => void, onDrained: () => void) {
    this.#limitBytes = limitBytes
    this.#onFull = onFull
    this.#onDrained = onDrained
  }

  push(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (!this.#full && this.#bytes >= this.#limitBytes) {
      this.#full = true
      this.#onFull()
    }
    this.#wake?.()
  }
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk) {
        this.#bytes -= chunk.length
        if (this.#full && this.#bytes < this.#limitBytes / 2) {
          this.#full = false
          this.#onDrained()
        }
        yield chunk
        continue
      }
      if (this.#ended) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
