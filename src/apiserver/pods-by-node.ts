// Which pods are on a node, for those who ask by `spec.nodeName`: agents that list and watch their own pods, and the authoriser of
// nodes. A large cluster's pods are not parsed for it: node names are looked for in the bytes. What it answers are candidates, among
// them every pod of the node; a pod that names the node elsewhere in its JSON may be with them.
import { Pod } from '../api/kinds/pod.ts'
import { prefixOf } from './storage/keys.ts'
import type { Entry, Store } from './storage/store.ts'

const PODS = prefixOf(Pod)
const MARK = Buffer.from('"nodeName":"')
const QUOTE = 0x22
const BACKSLASH = 0x5c

export class PodsByNode {
  /** Candidates by the node's name as it stands in JSON, then by key. */
  readonly #byName = new Map<string, Map<string, Entry>>()
  #follower: { close(): void } | undefined

  private constructor() {}

  static async open(store: Store): Promise<PodsByNode> {
    const index = new PodsByNode()
    const { entries, revision } = await store.list(PODS)
    for (const entry of entries) index.#add(entry)
    index.#follower = store.follow(PODS, revision, ({ type, entry, prev }) => {
      if (prev) index.#remove(prev)
      if (type === 'put') index.#add(entry)
    })
    return index
  }

  close(): void {
    this.#follower?.close()
  }

  /** Candidates in the order of their keys. */
  on(node: string): Entry[] {
    const found = this.#byName.get(JSON.stringify(node).slice(1, -1))
    return found ? [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1)) : []
  }

  #add(entry: Entry): void {
    for (const name of namesIn(entry.json)) {
      const entries = this.#byName.get(name) ?? new Map<string, Entry>()
      this.#byName.set(name, entries.set(entry.key, entry))
    }
  }

  #remove(entry: Entry): void {
    for (const name of namesIn(entry.json)) {
      const entries = this.#byName.get(name)
      if (entries?.delete(entry.key) && entries.size === 0) this.#byName.delete(name)
    }
  }
}

/** Every text that stands behind `"nodeName":`, unparsed. A quote within a text has a backslash before it, and so is no end. */
function namesIn(json: Uint8Array): readonly string[] {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
  let names: string[] | undefined
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at)) {
    at += MARK.length
    let end = bytes.indexOf(QUOTE, at)
    while (isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1)
    names ??= []
    names.push(bytes.toString('utf8', at, end))
    at = end
  }
  return names ?? NONE
}

function isEscaped(bytes: Uint8Array, quote: number): boolean {
  let slashes = 0
  while (bytes[quote - 1 - slashes] === BACKSLASH) slashes++
  return slashes % 2 === 1
}

const NONE: readonly string[] = []
