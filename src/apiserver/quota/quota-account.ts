// One quota's account: what committed objects use, object by object, and what writes under way have claimed. Synchronous throughout, so
// that nobody's claim slips in between a check and its booking.
import type { ResourceQuota } from '../../api/kinds/resource-quota.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { formatQuantity, type Quantity } from '../../api/meta/quantity.ts'
import type { Entry } from '../storage/store.ts'
import { type Amounts, addTo, formatAmounts, masked, parseAmounts } from './amounts.ts'
import { covers, type Source, sourceOfBound, usageOf } from './usage.ts'

type Quota = DeepReadonly<ResourceQuota>

export class QuotaAccount {
  /** The newest committed state of the quota. */
  entry: Entry
  readonly #bounds: Amounts
  readonly #used = new Map<string, Quantity>()
  readonly #usageByKey = new Map<string, Amounts>()
  readonly #claimed = new Map<string, Quantity>()
  /** While the objects are being read: revisions of keys that were heard of meanwhile. */
  #heard: Map<string, number> | undefined = new Map()

  constructor(entry: Entry) {
    this.entry = entry
    this.#bounds = parseAmounts(this.quota.spec?.hard)
  }

  get quota(): Quota {
    return this.entry.object as unknown as Quota
  }

  get name(): string {
    return this.quota.metadata.name
  }

  /** All objects have been read. */
  get isOpen(): boolean {
    return this.#heard === undefined
  }

  /** Where the objects are that it counts. */
  get sources(): Source[] {
    const sources = [...this.#bounds.keys()].map(sourceOfBound).filter((source) => source !== undefined)
    return [...new Set(sources)]
  }

  /** What the object counts for here: only names that are bounded. */
  usage(source: Source, object: DeepReadonly<KubeObject>, nowMs: number): Amounts {
    const usage = masked(usageOf(source, object, nowMs), this.quota.spec?.hard ?? {})
    return usage.size > 0 && covers(this.quota, source, object) ? usage : new Map()
  }

  /** What was read of one kind of object; what was heard since is newer. */
  fill(source: Source, entries: readonly Entry[], nowMs: number): void {
    for (const entry of entries) {
      if (entry.revision > (this.#heard?.get(entry.key) ?? 0))
        this.#book(entry.key, this.usage(source, entry.object, nowMs))
    }
  }

  open(): void {
    this.#heard = undefined
  }

  /** A committed change: `object` is undefined when it is gone. */
  heard(source: Source, entry: Entry, object: DeepReadonly<KubeObject> | undefined, nowMs: number): void {
    this.#heard?.set(entry.key, entry.revision)
    this.#book(entry.key, object ? this.usage(source, object, nowMs) : new Map())
  }

  #book(key: string, usage: Amounts): void {
    const before = this.#usageByKey.get(key)
    if (before) addTo(this.#used, before, -1n)
    addTo(this.#used, usage)
    if (usage.size > 0) this.#usageByKey.set(key, usage)
    else this.#usageByKey.delete(key)
  }

  claim(amounts: Amounts): void {
    addTo(this.#claimed, amounts)
  }

  release(amounts: Amounts): void {
    addTo(this.#claimed, amounts, -1n)
  }

  /** The sentence of a refusal; undefined when there is room. */
  exceededBy(amounts: Amounts): string | undefined {
    const used = this.#total()
    const beyond = [...amounts].filter(([name, { nano }]) => {
      return nano > 0n && (used.get(name)?.nano ?? 0n) + nano > (this.#bounds.get(name)?.nano ?? 0n)
    })
    if (beyond.length === 0) return undefined
    const names = beyond.map(([name]) => name)
    const [requested, have, bound] = [amounts, used, this.#bounds].map((list) => formatAmounts(list, names))
    return `exceeded quota: ${this.name}, requested: ${requested}, used: ${have}, limited: ${bound}`
  }

  #total(): Map<string, Quantity> {
    const total = new Map(this.#used)
    addTo(total, this.#claimed)
    return total
  }

  /** The quota with the status that it should have; undefined when it has it. */
  withStatus(): KubeObject | undefined {
    const { quota } = this
    const total = this.#total()
    const hard = quota.spec?.hard ?? {}
    const used = Object.fromEntries(
      Object.keys(hard).map((name) => [name, formatQuantity(total.get(name) ?? { nano: 0n, format: 'DecimalSI' })]),
    )
    const status = { hard: { ...hard }, used }
    if (semanticEqual(quota.status, status)) return undefined
    return { ...quota, status } as unknown as KubeObject
  }
}
