// An entry that is kept as its bytes. The object is parsed when somebody asks for it, and let go again: what is written stays parsed
// while its watchers are told, what is read as long as there is room. A large cluster's objects so take the memory of their JSON, and
// the garbage collector has nothing to copy of an object that was created and answered.
import type { KubeObject } from '../../api/meta/object.ts'
import type { Entry, Revision } from './store.ts'

export class StoredEntry implements Entry {
  readonly key: string
  readonly json: Uint8Array
  readonly revision: Revision
  #object: KubeObject | undefined

  constructor(key: string, json: Uint8Array, revision: Revision) {
    this.key = key
    this.json = json
    this.revision = revision
  }

  /** An entry whose object is at hand. */
  static written(key: string, object: KubeObject, json: Uint8Array, revision: Revision): StoredEntry {
    const entry = new StoredEntry(key, json, revision)
    entry.#object = object
    justWritten.add(entry)
    return entry
  }

  get object(): KubeObject {
    if (this.#object) return this.#object
    const object = JSON.parse(decoder.decode(this.json)) as KubeObject
    this.#object = object
    recentlyRead.add(this)
    return object
  }

  forgetObject(): void {
    this.#object = undefined
  }
}

const decoder = new TextDecoder()

/** The entries that came last, as many as fit into a number of bytes of JSON; those that fall out forget their objects. */
class Recent {
  readonly #maxBytes: number
  readonly #maxEntries: number
  #entries: (StoredEntry | undefined)[] = []
  #head = 0
  #bytes = 0

  constructor(maxBytes: number, maxEntries: number) {
    this.#maxBytes = maxBytes
    this.#maxEntries = maxEntries
  }

  add(entry: StoredEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.json.byteLength
    while (this.#bytes > this.#maxBytes || this.#entries.length - this.#head > this.#maxEntries) {
      const oldest = this.#entries[this.#head]!
      this.#entries[this.#head++] = undefined
      this.#bytes -= oldest.json.byteLength
      oldest.forgetObject()
    }
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }
}

const justWritten = new Recent(1024 * 1024, 256)
const recentlyRead = new Recent(16 * 1024 * 1024, 50_000)
