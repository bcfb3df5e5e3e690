// Writers of the crash test. Each has objects that nobody else writes, and knows of each what was acknowledged last and what was sent and not answered.
// A value of an object is one number, written in several places, so that half a write would show.
import assert from 'node:assert/strict'
import type { CrashServer, Json } from './crash-server.ts'

export const KINDS = [
  { kind: 'ConfigMap', plural: 'configmaps', path: '/api/v1/namespaces/default/configmaps' },
  { kind: 'Secret', plural: 'secrets', path: '/api/v1/namespaces/default/secrets' },
] as const
type Kind = (typeof KINDS)[number]

const PADDING = 'x'.repeat(600)

/** What an object holds: a number, or undefined when it isn't there. */
type Value = number | undefined

export interface Acknowledged {
  readonly name: string
  /** Of a delete it is not told. */
  readonly revision: number | undefined
  readonly value: Value
}

interface Known {
  value: Value
  revision: number
  /** Sent and not answered: it may have been done or not. */
  pending: { value: Value } | undefined
}

/** The number in an object. @throws when its places differ: half a write */
export function numberIn({ kind, metadata, data }: Json): number {
  const read = (text: string) => (kind === 'Secret' ? Buffer.from(text, 'base64').toString() : text)
  const values = [read(data.first), read(data.last), metadata.annotations.value]
  assert.ok(
    values.every((value) => value === values[0]),
    `half a write: ${metadata.name} has ${values}`,
  )
  assert.equal(read(data.padding), PADDING)
  return Number(values[0])
}

export class Writer {
  readonly kind: Kind
  readonly acknowledged: Acknowledged[] = []
  onAcknowledged: () => void = () => {}
  readonly #objects: Map<string, Known>
  readonly #random: () => number
  #value = 0

  constructor(number: number, random: () => number) {
    this.kind = KINDS[number % KINDS.length]!
    this.#random = random
    this.#objects = new Map(
      [0, 1, 2].map((i) => [`w${number}-${i}`, { value: undefined, revision: 0, pending: undefined }]),
    )
  }

  /** Until the connection is cut. */
  async run(server: CrashServer): Promise<void> {
    const names = [...this.#objects.keys()]
    for (;;) {
      const name = names[Math.floor(this.#random() * names.length)]!
      if (!(await this.#write(server, name))) return
    }
  }

  async #write(server: CrashServer, name: string): Promise<boolean> {
    const known = this.#objects.get(name)!
    const { path } = this.kind
    const value = ++this.#value
    const choice = this.#random()
    if (known.value === undefined) {
      known.pending = { value }
      return this.#settle(known, name, await server.send('POST', path, this.#object(name, value)))
    }
    if (choice < 0.2) {
      known.pending = { value: undefined }
      return this.#settle(known, name, await server.send('DELETE', `${path}/${name}`))
    }
    known.pending = { value }
    if (choice < 0.6) {
      return this.#settle(known, name, await server.send('PUT', `${path}/${name}`, this.#object(name, value)))
    }
    const { kind: _, apiVersion: __, ...change } = this.#object(name, value) as Json
    const patch = server.send('PATCH', `${path}/${name}`, change, 'application/merge-patch+json')
    return this.#settle(known, name, await patch)
  }

  #settle(known: Known, name: string, reply: { status: number; body: Json } | undefined): boolean {
    if (!reply) return false
    assert.ok(reply.status < 300, `${name}: ${reply.status} ${JSON.stringify(reply.body)}`)
    const { value } = known.pending!
    const revision = value === undefined ? undefined : Number(reply.body.metadata.resourceVersion)
    if (revision !== undefined) {
      assert.ok(revision > known.revision, `${name}: revision ${revision} after ${known.revision}`)
      assert.equal(numberIn({ kind: this.kind.kind, ...reply.body }), value)
      known.revision = revision
    }
    known.value = value
    known.pending = undefined
    this.acknowledged.push({ name, revision, value })
    this.onAcknowledged()
    return true
  }

  #object(name: string, value: number): object {
    const text = (plain: string) => (this.kind.kind === 'Secret' ? Buffer.from(plain).toString('base64') : plain)
    const data = { first: text(`${value}`), padding: text(PADDING), last: text(`${value}`) }
    const metadata = { name, annotations: { value: `${value}` } }
    return { apiVersion: 'v1', kind: this.kind.kind, metadata, data }
  }

  /** What each object may be at this moment: as acknowledged, or as was sent. */
  possible(): [name: string, values: Value[]][] {
    return [...this.#objects].map(([name, { value, pending }]) => [name, [value, ...(pending ? [pending.value] : [])]])
  }

  /** @param there what the server has after it was started again, by name. @throws when an acknowledged write is not there */
  check(there: ReadonlyMap<string, Json>, note: string): void {
    for (const [name, known] of this.#objects) {
      const object = there.get(name)
      const value = object && numberIn({ kind: this.kind.kind, ...object })
      const may = [known.value, ...(known.pending ? [known.pending.value] : [])]
      assert.ok(may.includes(value), `${note}: ${name} is ${value}; acknowledged ${may[0]}, sent ${may.slice(1)}`)
      const revision = object ? Number(object.metadata.resourceVersion) : known.revision
      if (value === known.value && object && !known.pending) assert.equal(revision, known.revision, `${note}: ${name}`)
      assert.ok(revision >= known.revision, `${note}: ${name} went back from ${known.revision} to ${revision}`)
      Object.assign(known, { value, revision, pending: undefined })
    }
  }
}
