// An entry that is kept as its bytes. The object is parsed when somebody asks for it, and let go again: what is written stays parsed
// while its watchers are told, what is read as long as there is room, and what was replaced no longer than what is written: thousands
// of updates of the same objects must not fill the room with what they were. A large cluster's objects so take the memory of their
// JSON, and the garbage collector has nothing to copy of an object that was created and answered.
import type { KubeObject } from '../../api/meta/object.ts'
import type { Entry, Revision } from './store.ts'

export class StoredEntry implements Entry {
  readonly key: string
  readonly json: Uint8Array
  readonly revision: Revision
  #object: KubeObject | undefined
  #replaced = false
  /** Where it stands among those recently read. */
  #place = NOWHERE

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
    if (this.#replaced) justWritten.add(this)
    else this.#place = recentlyRead.add(this)
    return object
  }

  /** The key holds another value now: only watchers and readers of the past still ask. */
  replaced(): void {
    this.#replaced = true
    if (!this.#object || this.#place === NOWHERE) return
    recentlyRead.remove(this, this.#place)
    this.#place = NOWHERE
    justWritten.add(this)
  }

  forgetObject(): void {
    this.#object = undefined
    this.#place = NOWHERE
  }
}

const NOWHERE = -1
const decoder = new TextDecoder()

/** The entries that came last, as many as fit into a number of bytes of JSON; those that fall out forget their objects. */
class Recent {
  readonly #maxBytes: number
  readonly #maxEntries: number
  #entries: (StoredEntry | undefined)[] = []
  #head = 0
  /** The place of the first of `#entries`. */
  #base = 0
  #bytes = 0

  constructor(maxBytes: number, maxEntries: number) {
    this.#maxBytes = maxBytes
    this.#maxEntries = maxEntries
  }

  /** @returns its place, for `remove` */
  add(entry: StoredEntry): number {
    const place = this.#base + this.#entries.length
    this.#entries.push(entry)
    this.#bytes += entry.json.byteLength
    while (this.#bytes > this.#maxBytes || this.#entries.length - this.#head > this.#maxEntries) {
      const oldest = this.#entries[this.#head]
      this.#entries[this.#head++] = undefined
      if (!oldest) continue
      this.#bytes -= oldest.json.byteLength
      oldest.forgetObject()
    }
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#base += this.#head
      this.#head = 0
    }
    return place
  }

  /** What has fallen out already is not there any more. */
  remove(entry: StoredEntry, place: number): void {
    if (this.#entries[place - this.#base] !== entry) return
    this.#entries[place - this.#base] = undefined
    this.#bytes -= entry.json.byteLength
  }
}

const justWritten = new Recent(1024 * 1024, 256)
const recentlyRead = new Recent(16 * 1024 * 1024, 50_000)
