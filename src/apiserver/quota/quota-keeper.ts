// Keeps ResourceQuotas: every write claims what it adds before it is made, and the quota's status follows. Usage is read from the store
// and follows it synchronously, so that parallel writes never exceed a bound. A status is written together with the write that claims
// (in the same batch), and after whatever else changes the sum. Without quotas it only listens for the first one.
import type { Kind } from '../../api/kinds/kind.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import { ResourceQuota } from '../../api/kinds/resource-quota.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { forbidden } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import { type Obj, refOf } from '../registry/call.ts'
import type { Claim, CommitHooks } from '../registry/commit-hooks.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Entry, Store, StoreEvent } from '../storage/store.ts'
import { type Amounts, increase, masked } from './amounts.ts'
import { endOfCountingMs } from './pod-usage.ts'
import { QuotaAccount } from './quota-account.ts'
import { covers, type Source, sourceOf, usageOf } from './usage.ts'

export interface QuotaKeeperParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** False: statuses are kept, and nothing is refused. */
  readonly enforces: boolean
}

/** When the store refused a status. */
const AGAIN_IN_MS = 5000
const QUOTAS = prefixOf(ResourceQuota as never)

interface UnderWay {
  release(): void
}

export class QuotaKeeper implements CommitHooks {
  readonly #parts: QuotaKeeperParts
  /** By namespace, then by name. */
  readonly #accounts = new Map<string, Map<string, QuotaAccount>>()
  readonly #opening = new Map<QuotaAccount, Promise<void>>()
  /** Claims by the key that is being written, the oldest first. */
  readonly #underWay = new Map<string, UnderWay[]>()
  readonly #writing = new Map<string, Promise<void>>()
  /** By key: pods being deleted that stop to count, and statuses to be tried again. */
  readonly #timers = new Map<string, Timer>()
  readonly #followingQuotas: { close(): void }
  #followingAll: { close(): void } | undefined
  #closed = false

  private constructor(parts: QuotaKeeperParts, entries: readonly Entry[], revision: number) {
    this.#parts = parts
    this.#followingQuotas = parts.store.follow(QUOTAS, revision, (event) => this.#quotaChanged(event))
    for (const entry of entries) this.#add(entry)
  }

  static async open(parts: QuotaKeeperParts): Promise<QuotaKeeper> {
    const { entries, revision } = await parts.store.list(QUOTAS)
    return new QuotaKeeper(parts, entries, revision)
  }

  /** Resolves when nothing is being written any more. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#followingQuotas.close()
    this.#followingAll?.close()
    for (const timer of this.#timers.values()) timer.cancel()
    await Promise.all([...this.#opening.values(), ...this.#writing.values()])
  }

  hasQuotas(namespace: string): boolean {
    return this.#accounts.has(namespace)
  }

  /** The quotas of a namespace, by name; resolves when all of them know what is used. */
  async quotasOf(namespace: string): Promise<readonly DeepReadonly<ResourceQuota>[]> {
    const accounts = this.#accountsOf(namespace)
    const opening = accounts.flatMap((account) => this.#opening.get(account) ?? [])
    if (opening.length > 0) await Promise.all(opening)
    return accounts.map(({ quota }) => quota)
  }

  claim(kind: Kind, next: KubeObject, old: Obj | undefined, dryRun: boolean): Claim | undefined {
    if (!this.#parts.enforces || this.#accounts.size === 0 || kind.scope !== 'Namespaced') return undefined
    const { namespace = '', name } = next.metadata
    const accounts = this.#accountsOf(namespace)
    if (accounts.length === 0) return undefined
    const source = sourceOf({ group: kind.storedAs?.group ?? kind.group, plural: kind.plural })
    const nowMs = this.#parts.clock.now()
    const more = increase(usageOf(source, next, nowMs), old ? usageOf(source, old, nowMs) : new Map())
    if (more.size === 0) return undefined
    const shares: [QuotaAccount, Amounts][] = []
    for (const account of accounts) {
      const share = masked(more, account.quota.spec?.hard ?? {})
      if (share.size === 0 || !covers(account.quota, source, next)) continue
      const why = account.isOpen
        ? account.exceededBy(share)
        : `status unknown for quota: ${account.name}, resources: ${[...share.keys()].sort().join(',')}`
      if (why) throw forbidden(refOf(kind), name, why)
      shares.push([account, share])
    }
    if (shares.length === 0 || dryRun) return undefined
    return this.#hold(keyOf(kind as never, namespace, name), shares)
  }

  #hold(key: string, shares: readonly [QuotaAccount, Amounts][]): Claim {
    let held = true
    const claim: UnderWay = {
      release: () => {
        if (!held) return
        held = false
        for (const [account, share] of shares) account.release(share)
        const others = (this.#underWay.get(key) ?? []).filter((other) => other !== claim)
        if (others.length > 0) this.#underWay.set(key, others)
        else this.#underWay.delete(key)
      },
    }
    this.#underWay.set(key, [...(this.#underWay.get(key) ?? []), claim])
    for (const [account, share] of shares) {
      account.claim(share)
      this.#keepStatus(account)
    }
    return {
      committed: () => claim.release(),
      dropped: () => {
        claim.release()
        for (const [account] of shares) this.#keepStatus(account)
      },
    }
  }

  #accountsOf(namespace: string): QuotaAccount[] {
    const byName = this.#accounts.get(namespace)
    return byName ? [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) : []
  }

  #quotaChanged({ type, entry }: StoreEvent): void {
    const { namespace = '', name } = entry.object.metadata
    if (type === 'delete') this.#remove(namespace, name)
    else {
      const known = this.#accounts.get(namespace)?.get(name)
      const { metadata, spec } = entry.object as unknown as ResourceQuota
      if (known?.quota.metadata.uid !== metadata.uid || !semanticEqual(known.quota.spec, spec)) this.#add(entry)
      else {
        known.entry = entry
        queueMicrotask(() => this.#keepStatus(known))
      }
    }
  }

  #add(entry: Entry): void {
    const { namespace = '', name } = entry.object.metadata
    const account = new QuotaAccount(entry)
    const byName = this.#accounts.get(namespace) ?? new Map<string, QuotaAccount>()
    this.#accounts.set(namespace, byName.set(name, account))
    const { store } = this.#parts
    this.#followingAll ??= store.follow('/registry/', store.revision, (event) => this.#changed(event))
    const opening = this.#read(namespace, account)
      .catch((err) => this.#parts.log.error({ err, quota: `${namespace}/${name}` }, 'cannot read what a quota counts'))
      .finally(() => this.#opening.delete(account))
    this.#opening.set(account, opening)
  }

  async #read(namespace: string, account: QuotaAccount): Promise<void> {
    const { store, clock } = this.#parts
    await Promise.all(
      account.sources.map(async (source) => {
        const [group = '', plural = ''] = source.split('/')
        const { entries } = await store.list(prefixOf({ group, plural, scope: 'Namespaced' }, namespace))
        account.fill(source, entries, clock.now())
        if (source === '/pods') for (const { key, object } of entries) this.#endCounting(key, object)
      }),
    )
    account.open()
    this.#keepStatus(account)
  }

  #remove(namespace: string, name: string): void {
    const byName = this.#accounts.get(namespace)
    byName?.delete(name)
    if (byName?.size === 0) this.#accounts.delete(namespace)
    if (this.#accounts.size > 0) return
    this.#followingAll?.close()
    this.#followingAll = undefined
  }

  #changed({ type, entry }: StoreEvent): void {
    const [, , group = '', plural = '', namespace = '', name] = entry.key.split('/')
    if (name === undefined) return
    const byName = this.#accounts.get(namespace)
    this.#underWay.get(entry.key)?.[0]?.release()
    if (!byName) return
    const source: Source = `${group === 'core' ? '' : group}/${plural}`
    const nowMs = this.#parts.clock.now()
    for (const account of byName.values()) {
      account.heard(source, entry, type === 'put' ? entry.object : undefined, nowMs)
      queueMicrotask(() => this.#keepStatus(account))
    }
    if (source === '/pods' && type === 'put') this.#endCounting(entry.key, entry.object)
  }

  /** k8s: a pod whose node never says that it is gone stops to count after its grace period. */
  #endCounting(key: string, object: Obj): void {
    const endsMs = endOfCountingMs(object as DeepReadonly<Pod>)
    if (endsMs === undefined || this.#timers.has(key) || this.#closed) return
    const { clock, store } = this.#parts
    const check = async () => {
      this.#timers.delete(key)
      const entry = await store.get(key)
      if (entry) this.#changed({ type: 'put', entry, prev: entry })
    }
    const leftMs = endsMs + 1 - clock.now()
    if (leftMs > 0)
      this.#timers.set(
        key,
        clock.after(leftMs, () => void check()),
      )
  }

  #keepStatus(account: QuotaAccount): void {
    const { key } = account.entry
    if (this.#closed || !account.isOpen || this.#writing.has(key) || !this.#isKnown(account)) return
    const object = account.withStatus()
    if (!object) return
    const { store, log, clock } = this.#parts
    const writing = store
      .write({ key, expect: account.entry.revision, object })
      .then(
        () => true,
        (err: unknown) => {
          log.warn({ err, quota: key }, 'cannot write the status of a quota')
          return false
        },
      )
      .then((again) => {
        this.#writing.delete(key)
        if (again) this.#keepStatus(account)
        else if (!this.#closed)
          this.#timers.set(
            key,
            clock.after(AGAIN_IN_MS, () => this.#retry(key, account)),
          )
      })
    this.#writing.set(key, writing)
  }

  #retry(key: string, account: QuotaAccount): void {
    this.#timers.delete(key)
    this.#keepStatus(account)
  }

  #isKnown(account: QuotaAccount): boolean {
    const { namespace = '', name } = account.quota.metadata
    return this.#accounts.get(namespace)?.get(name) === account
  }
}
