// The current state: entries by key, and in key order. A hash map answers gets; the order is kept in chunks of a few hundred
// entries, so that an insertion moves little and a range is read chunk by chunk without sorting.
import type { Entry } from './store.ts'

const CHUNK_MAX = 512

/** The first string that sorts after every string that begins with `prefix`; undefined: there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i)
    if (code < 0xffff) return prefix.slice(0, i) + String.fromCharCode(code + 1)
  }
  return undefined
}

interface Position {
  chunk: number
  offset: number
}

export class SortedIndex {
  readonly #byKey = new Map<string, Entry>()
  #chunks: Entry[][] = []

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): Entry | undefined {
    return this.#byKey.get(key)
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  set(entry: Entry): void {
    const known = this.#byKey.has(entry.key)
    this.#byKey.set(entry.key, entry)
    const { chunk, offset } = this.#seek(entry.key)
    const entries = this.#chunks[chunk]
    if (known) {
      entries![offset] = entry
    } else if (!entries) {
      // Past the last chunk: keys that arrive in order fill it up before a new one is made.
      const last = this.#chunks.at(-1)
      if (last && last.length < CHUNK_MAX) last.push(entry)
      else this.#chunks.push([entry])
    } else {
      entries.splice(offset, 0, entry)
      if (entries.length > CHUNK_MAX) this.#chunks.splice(chunk + 1, 0, entries.splice(entries.length >> 1))
    }
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return
    const { chunk, offset } = this.#seek(key)
    const entries = this.#chunks[chunk]!
    entries.splice(offset, 1)
    if (entries.length === 0) this.#chunks.splice(chunk, 1)
  }

  /** Entries whose keys are at least `from` and below `end`, at most `limit`. */
  range(from: string, end: string | undefined, limit = Number.POSITIVE_INFINITY): Entry[] {
    const found: Entry[] = []
    let { chunk, offset } = this.#seek(from)
    const stop = this.#end(end)
    for (; found.length < limit && chunk <= stop.chunk && chunk < this.#chunks.length; chunk++, offset = 0) {
      const entries = this.#chunks[chunk]!
      const upTo = Math.min(chunk === stop.chunk ? stop.offset : entries.length, offset + limit - found.length)
      for (let i = offset; i < upTo; i++) found.push(entries[i]!)
    }
    return found
  }

  /** How many keys are at least `from` and below `end`. */
  count(from: string, end: string | undefined): number {
    const start = this.#seek(from)
    const stop = this.#end(end)
    if (start.chunk === stop.chunk) return Math.max(stop.offset - start.offset, 0)
    let count = stop.offset - start.offset
    for (let chunk = start.chunk; chunk < stop.chunk; chunk++) count += this.#chunks[chunk]!.length
    return Math.max(count, 0)
  }

  #end(end: string | undefined): Position {
    return end === undefined ? { chunk: this.#chunks.length, offset: 0 } : this.#seek(end)
  }

  /** Where `key` is, or would be inserted: the first position whose key is not below it. */
  #seek(key: string): Position {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#chunks[middle]!.at(-1)!.key < key) low = middle + 1
      else high = middle
    }
    const entries = this.#chunks[low]
    if (!entries) return { chunk: low, offset: 0 }
    let left = 0
    let right = entries.length
    while (left < right) {
      const middle = (left + right) >> 1
      if (entries[middle]!.key < key) left = middle + 1
      else right = middle
    }
    return { chunk: low, offset: left }
  }
}
