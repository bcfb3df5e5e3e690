// What becomes of definitions after they were written: their names are accepted, they are established; when one is deleted its instances
// are deleted first, and it waits for their finalizers. One definition at a time, in the order in which they changed; nothing runs while
// none does.
import { CLEANUP_FINALIZER, CustomResourceDefinition } from '../../api/kinds/custom-resource-definition.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { withCondition } from '../../api/meta/conditions.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import { loadRules } from '../../api/structural/rules.ts'
import type { CustomResourceDefinitionCondition } from '../../api/types/apiextensions.v1.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import { trackFields } from '../registry/fields.ts'
import { completesDeletion, planDelete } from '../registry/lifecycle.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Entry, Store } from '../storage/store.ts'
import { kindOf } from './custom-kind.ts'
import { hasRulesIn } from './definitions.ts'
import { plannedStatus } from './status-plan.ts'

type Definition = DeepReadonly<CustomResourceDefinition>

/** k8s: under this name the server itself writes. */
const MANAGER = 'kube-apiserver'
/** When the store refused a write. */
const AGAIN_IN_MS = 5_000

export interface LifecycleParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Every definition as it is now. */
  readonly definitions: () => Iterable<Definition>
}

export class DefinitionLifecycle {
  readonly #parts: LifecycleParts
  readonly #due = new Set<string>()
  /** Followers of instances that definitions being deleted wait for. */
  readonly #waiting = new Map<string, { close(): void }>()
  readonly #timers = new Set<Timer>()
  #running: Promise<void> | undefined
  #closed = false

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  /** May be called from within a notification of the store: work begins after it. */
  look(name: string): void {
    if (this.#closed) return
    this.#due.add(name)
    this.#running ??= this.#run()
  }

  /** Resolves when nothing is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    for (const follower of this.#waiting.values()) follower.close()
    for (const timer of this.#timers) timer.cancel()
    await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    for (const name of this.#due) {
      if (this.#closed) break
      this.#due.delete(name)
      try {
        await this.#sync(name)
      } catch (err) {
        this.#parts.log.warn({ err, definition: name }, 'custom resource definition not brought up to date')
        const timer = this.#parts.clock.after(AGAIN_IN_MS, () => {
          this.#timers.delete(timer)
          this.look(name)
        })
        this.#timers.add(timer)
      }
    }
    // Not later: what comes after the last look begins anew.
    this.#running = undefined
  }

  async #sync(name: string): Promise<void> {
    const entry = await this.#parts.store.get(keyOf(CustomResourceDefinition as never, undefined, name))
    if (!entry) return this.#gone(name)
    const definition = entry.object as unknown as Definition
    if (definition.metadata.deletionTimestamp) {
      if (definition.metadata.finalizers?.includes(CLEANUP_FINALIZER)) await this.#cleanUp(entry, definition)
      return
    }
    if (hasRulesIn(definition)) await loadRules()
    const others = this.#othersOf(definition)
    const status = plannedStatus(definition, others, this.#parts.clock.now())
    if (semanticEqual(status, definition.status)) return
    await this.#write(entry, { ...definition, status })
    // k8s: whoever waits for a name that this one gave back.
    for (const other of others) if (waitsForNames(other)) this.look(other.metadata.name)
  }

  #gone(name: string): void {
    this.#waiting.get(name)?.close()
    this.#waiting.delete(name)
    const group = name.slice(name.indexOf('.') + 1)
    for (const other of this.#parts.definitions()) {
      if (other.spec.group === group && waitsForNames(other)) this.look(other.metadata.name)
    }
  }

  #othersOf({ spec, metadata }: Definition): Definition[] {
    const all = [...this.#parts.definitions()]
    return all.filter((other) => other.spec.group === spec.group && other.metadata.name !== metadata.name)
  }

  async #cleanUp(entry: Entry, definition: Definition): Promise<void> {
    const { store, clock } = this.#parts
    const { name } = definition.metadata
    const established = definition.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True')
    if (!established) return await this.#finish(entry, 'NeverEstablished', 'resource was never established')
    const version = definition.spec.versions.find((v) => v.storage) ?? definition.spec.versions[0]!
    const kind = kindOf(definition, version, undefined)
    const found = await store.list(prefixOf(kind))
    if (found.entries.length === 0)
      return await this.#finish(entry, 'InstanceDeletionCompleted', 'removed all instances')
    const message = 'CustomResource deletion is in progress'
    const marked = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionInProgress', message }
    const status = { ...definition.status, conditions: this.#conditions(definition, marked) }
    if (!semanticEqual(status, definition.status)) {
      await this.#write(entry, { ...definition, status } as Definition)
      return // the write brings this back
    }
    if (!this.#waiting.has(name)) {
      const follower = store.follow(prefixOf(kind), found.revision, ({ type }) => type === 'delete' && this.look(name))
      this.#waiting.set(name, follower)
    }
    const options = {
      gracePeriodSeconds: undefined,
      propagation: undefined,
      uid: undefined,
      resourceVersion: undefined,
    }
    for (const { key, object, revision } of found.entries) {
      const plan = planDelete(kind, object, { ...options, dryRun: false }, clock.now())
      if (plan.action === 'none') continue
      const next = plan.action === 'mark' ? plan.object : undefined
      const result = await store.write({ key, expect: revision, object: next })
      if (!result.ok) this.look(name)
    }
  }

  async #finish(entry: Entry, reason: string, message: string): Promise<void> {
    const definition = entry.object as unknown as Definition
    const conditions = this.#conditions(definition, { type: 'Terminating', status: 'False', reason, message })
    const finalizers = definition.metadata.finalizers?.filter((finalizer) => finalizer !== CLEANUP_FINALIZER) ?? []
    const { finalizers: _, ...metadata } = definition.metadata
    await this.#write(entry, {
      ...definition,
      metadata: { ...metadata, ...(finalizers.length > 0 ? { finalizers } : {}) },
      status: { ...definition.status, conditions },
    } as Definition)
  }

  #conditions({ status }: Definition, condition: CustomResourceDefinitionCondition) {
    return withCondition<CustomResourceDefinitionCondition>(status?.conditions, condition, this.#parts.clock.now())
  }

  async #write(entry: Entry, next: Definition): Promise<void> {
    const object = cloneJson(next) as unknown as KubeObject
    const writer = { manager: MANAGER, subresource: 'status', nowMs: this.#parts.clock.now() }
    trackFields(CustomResourceDefinition as unknown as Kind, object, entry.object, writer)
    const ends = completesDeletion(object)
    const { key, revision } = entry
    const result = await this.#parts.store.write({ key, expect: revision, object: ends ? undefined : object })
    // Somebody was quicker: decided anew on what they left.
    if (!result.ok) this.look(next.metadata.name)
  }
}

const waitsForNames = ({ status }: Definition) =>
  status?.conditions?.some(({ type, status }) => type === 'NamesAccepted' && status === 'False') ?? false
