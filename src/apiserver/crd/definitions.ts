// Follows the definitions in the store and keeps what is served in step with them: synchronously, so that whoever has seen a definition
// established can use it. A kind that changes or goes ends the watches on it.
import { setMaxListeners } from 'node:events'
import { CustomResourceDefinition } from '../../api/kinds/custom-resource-definition.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { isConditionTrue } from '../../api/meta/conditions.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Props } from '../../api/structural/props.ts'
import { hasRules, loadRules } from '../../api/structural/rules.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import type { Resources } from '../resources.ts'
import { prefixOf } from '../storage/keys.ts'
import type { Store, StoreEvent } from '../storage/store.ts'
import { type PostReview, webhookConversion } from './conversion.ts'
import { kindsOf } from './custom-kind.ts'
import { DefinitionLifecycle } from './lifecycle.ts'

type Definition = DeepReadonly<CustomResourceDefinition>

export interface DefinitionsParts {
  readonly store: Store
  readonly resources: Resources
  readonly clock: Clock
  readonly log: Logger
  /** Calls conversion webhooks. */
  readonly post: PostReview
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal
}

interface Served {
  readonly definition: Definition
  readonly kinds: readonly Kind[]
  /** Aborted when the kinds are replaced. */
  readonly ended: AbortController | undefined
}

export const hasRulesIn = ({ spec }: Definition) =>
  spec.versions.some(({ schema }) => hasRules(schema?.openAPIV3Schema as Props | undefined))

export class Definitions {
  readonly #parts: DefinitionsParts
  readonly #served = new Map<string, Served>()
  readonly #lifecycle: DefinitionLifecycle
  #following: { close(): void } | undefined

  private constructor(parts: DefinitionsParts) {
    this.#parts = parts
    const definitions = () => this.#definitions()
    this.#lifecycle = new DefinitionLifecycle({ ...parts, definitions })
  }

  /** Resolves when everything that the store has is served. */
  static async open(parts: DefinitionsParts): Promise<Definitions> {
    const definitions = new Definitions(parts)
    const { entries, revision } = await parts.store.list(prefixOf(CustomResourceDefinition as never))
    const known = entries.map(({ object }) => object as unknown as Definition)
    if (known.some(hasRulesIn)) await loadRules()
    for (const definition of known) definitions.#put(definition)
    if (known.length > 0) definitions.#publish()
    const prefix = prefixOf(CustomResourceDefinition as never)
    definitions.#following = parts.store.follow(prefix, revision, (event) => definitions.#follow(event))
    for (const { metadata } of known) definitions.#lifecycle.look(metadata.name)
    return definitions
  }

  async close(): Promise<void> {
    this.#following?.close()
    await this.#lifecycle.close()
  }

  *#definitions(): Iterable<Definition> {
    for (const { definition } of this.#served.values()) yield definition
  }

  #follow({ type, entry }: StoreEvent): void {
    const definition = entry.object as unknown as Definition
    const { name } = definition.metadata
    const changed = type === 'delete' ? this.#remove(name) : this.#put(definition)
    if (changed) this.#publish()
    this.#lifecycle.look(name)
  }

  /** Returns whether what is served is different. */
  #put(definition: Definition): boolean {
    const { name } = definition.metadata
    const before = this.#served.get(name)
    const established = isConditionTrue(definition.status?.conditions, 'Established')
    if (before && identity(before.definition) === identity(definition)) {
      this.#served.set(name, { ...before, definition })
      return false
    }
    const ended = established ? new AbortController() : undefined
    if (ended) setMaxListeners(0, ended.signal)
    const kinds = ended ? this.#kindsOf(definition, ended.signal) : []
    this.#served.set(name, { definition, kinds, ended })
    before?.ended?.abort(new Error('the definition has changed'))
    return kinds.length > 0 || (before?.kinds.length ?? 0) > 0
  }

  #kindsOf(definition: Definition, ended: AbortSignal): Kind[] {
    const { conversion } = definition.spec
    const convert =
      conversion?.strategy === 'Webhook' && conversion.webhook
        ? webhookConversion(conversion, this.#parts.post, this.#parts.stopping)
        : undefined
    const kinds = kindsOf(definition, convert)
    for (const kind of kinds) Object.assign(kind.custom!, { ended })
    return kinds
  }

  #remove(name: string): boolean {
    const before = this.#served.get(name)
    this.#served.delete(name)
    before?.ended?.abort(new Error('the definition is gone'))
    return (before?.kinds.length ?? 0) > 0
  }

  #publish(): void {
    const names = [...this.#served.keys()].sort()
    this.#parts.resources.setCustom(names.flatMap((name) => this.#served.get(name)!.kinds))
  }
}

/** Everything that what is served depends on. */
function identity({ metadata, spec, status }: Definition): string {
  const established = isConditionTrue(status?.conditions, 'Established')
  return JSON.stringify([metadata.uid, !!metadata.deletionTimestamp, established, status?.acceptedNames, spec])
}
