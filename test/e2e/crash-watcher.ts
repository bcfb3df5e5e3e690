// A watcher of the crash test: follows a collection over all the server's lives, each time from the last revision it saw, and holds the events to be a history
// without gap or repetition.
import assert from 'node:assert/strict'
import type { CrashServer, Json } from './crash-server.ts'
import { type KINDS, numberIn } from './crash-writers.ts'

export class CrashWatcher {
  readonly kind: (typeof KINDS)[number]
  readonly revisions = new Set<number>()
  readonly #there = new Map<string, { revision: number; value: number }>()
  #last: number
  #changed: () => void = () => {}

  constructor(kind: (typeof KINDS)[number], from: number) {
    this.kind = kind
    this.#last = from
  }

  /** Until the connection is cut. */
  async run(server: CrashServer): Promise<void> {
    const { path, kind } = this.kind
    for await (const { type, object } of server.watch(`${path}?watch=true&resourceVersion=${this.#last}`)) {
      assert.notEqual(type, 'ERROR', `watch of ${kind} from ${this.#last}: ${JSON.stringify(object)}`)
      this.#take(type, object)
      this.#changed()
    }
  }

  #take(type: string, object: Json): void {
    const { name } = object.metadata
    const revision = Number(object.metadata.resourceVersion)
    const note = `${this.kind.kind} ${name}: ${type} at ${revision}`
    assert.ok(revision > this.#last, `${note} after ${this.#last}`)
    assert.equal(this.#there.has(name), type !== 'ADDED', `${note}: it was ${this.#there.has(name) ? '' : 'not '}there`)
    this.#last = revision
    this.revisions.add(revision)
    const value = numberIn({ kind: this.kind.kind, ...object })
    if (type === 'DELETED') this.#there.delete(name)
    else this.#there.set(name, { revision, value })
  }

  /** Resolves when it has seen all of a list. @throws when it can't come to that: it has seen what isn't there */
  async reaches(list: ReadonlyMap<string, Json>, revision: number): Promise<void> {
    const behind = () => {
      if (this.#there.size !== list.size) return true
      for (const [name, { metadata }] of list) {
        if (this.#there.get(name)?.revision !== Number(metadata.resourceVersion)) return true
      }
      return false
    }
    while (behind()) {
      const more = new Promise<void>((resolve) => {
        this.#changed = resolve
      })
      const late = AbortSignal.timeout(20_000)
      const never = new Promise<never>((_, reject) =>
        late.addEventListener('abort', () =>
          reject(new Error(`${this.kind.kind}: no way from ${this.#last} to ${revision}`)),
        ),
      )
      await Promise.race([more, never])
    }
  }
}
