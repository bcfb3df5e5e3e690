// A binary heap whose entries can also be found and taken out by key; the queue's order of pods.

export class KeyedHeap<T> {
  readonly #entries: T[] = []
  readonly #indexByKey = new Map<string, number>()
  readonly #keyOf: (entry: T) => string
  readonly #before: (a: T, b: T) => boolean

  constructor(keyOf: (entry: T) => string, before: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf
    this.#before = before
  }

  get size(): number {
    return this.#entries.length
  }

  get(key: string): T | undefined {
    const index = this.#indexByKey.get(key)
    return index === undefined ? undefined : this.#entries[index]
  }

  peek(): T | undefined {
    return this.#entries[0]
  }

  /** Adds the entry, or puts it in the place of the one with the same key. */
  push(entry: T): void {
    const key = this.#keyOf(entry)
    const index = this.#indexByKey.get(key) ?? this.#entries.length
    this.#put(index, entry)
    this.#settle(index)
  }

  pop(): T | undefined {
    const first = this.#entries[0]
    if (first !== undefined) this.delete(this.#keyOf(first))
    return first
  }

  delete(key: string): T | undefined {
    const index = this.#indexByKey.get(key)
    if (index === undefined) return undefined
    const entry = this.#entries[index]
    const last = this.#entries.pop()!
    this.#indexByKey.delete(key)
    if (index < this.#entries.length) {
      this.#put(index, last)
      this.#settle(index)
    }
    return entry
  }

  values(): readonly T[] {
    return this.#entries
  }

  #put(index: number, entry: T): void {
    this.#entries[index] = entry
    this.#indexByKey.set(this.#keyOf(entry), index)
  }

  #settle(start: number): void {
    const entry = this.#entries[start]!
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(entry, this.#entries[parent]!)) break
      this.#put(index, this.#entries[parent]!)
      index = parent
    }
    for (;;) {
      let child = 2 * index + 1
      if (child >= this.#entries.length) break
      if (child + 1 < this.#entries.length && this.#before(this.#entries[child + 1]!, this.#entries[child]!)) child++
      if (!this.#before(this.#entries[child]!, entry)) break
      this.#put(index, this.#entries[child]!)
      index = child
    }
    this.#put(index, entry)
  }
}
