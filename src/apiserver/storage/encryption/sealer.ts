// What stands between the LevelDB engine and its files: values of resources that are to be encrypted leave sealed and come back open.
// A value that was written in the open, or with an older key, still reads, and counts as stale until it has been written anew.
import { StoreUnusable } from '../store.ts'
import { type EncryptionRule, ruleFor } from './configuration.ts'
import { type Provider, SEALED_MARK } from './providers.ts'

export interface Opened {
  readonly json: Uint8Array
  /** It would be sealed differently, or with another key, today. */
  readonly stale: boolean
}

export interface Sealer {
  /** @param at the key that the value is stored under */
  seal(at: string, json: Uint8Array): Uint8Array
  /** @throws StoreUnusable when the key is missing or wrong */
  open(at: string, value: Uint8Array): Opened
  /** Resolves when the keys are where a later start will find them: called before anything is sealed. */
  ready(): Promise<void>
}

/** Everything as it is. */
export const noSealer: Sealer = {
  seal: (_at, json) => json,
  open: (_at, json) => ({ json, stale: false }),
  ready: async () => {},
}

const MARK = Buffer.from(SEALED_MARK)
const RESOURCE = /^\/registry\/([^/]*)\/([^/]*)\//

export class KeyedSealer implements Sealer {
  /** Where an operator finds the keys, for messages. */
  readonly #source: string
  readonly #save: () => Promise<void>
  #rules: readonly EncryptionRule[] = []
  #readers: readonly Provider[] = []
  /** By group and resource: what their keys begin with. */
  readonly #ruleByPrefix = new Map<string, EncryptionRule | undefined>()

  /** @param source the file with the keys. @param save see `ready` */
  constructor(source: string, rules: readonly EncryptionRule[], save: () => Promise<void> = async () => {}) {
    this.#source = source
    this.#save = save
    this.use(rules)
  }

  /** From now on; what was sealed by keys that are no longer among them does not open any more. */
  use(rules: readonly EncryptionRule[]): void {
    this.#rules = rules
    this.#readers = rules.flatMap((rule) => rule.readers)
    this.#ruleByPrefix.clear()
  }

  writesWith(keyName: string): boolean {
    return this.#rules.some(({ writer }) => writer?.prefix.endsWith(`:${keyName}:`))
  }

  ready(): Promise<void> {
    return this.#save()
  }

  seal(at: string, json: Uint8Array): Uint8Array {
    const writer = this.#ruleFor(at)?.writer
    return writer ? writer.seal(at, json) : json
  }

  open(at: string, value: Uint8Array): Opened {
    const rule = this.#ruleFor(at)
    if (!isSealed(value)) return { json: value, stale: rule?.writer !== undefined }
    const candidates = rule ? [...rule.readers, ...this.#readers] : this.#readers
    const known = candidates.filter(({ prefix }) => beginsWith(value, prefix))
    for (const provider of known) {
      try {
        return { json: provider.open(at, value), stale: provider.prefix !== rule?.writer?.prefix }
      } catch {
        // Another key of the same name may fit.
      }
    }
    const name = Buffer.from(value.subarray(0, 512)).toString('latin1').split(':')[4] ?? ''
    const what = known.length > 0 ? 'does not fit' : 'is missing'
    throw new StoreUnusable(
      'inaccessible',
      `${at} is encrypted, and its key ${JSON.stringify(name)} ${what} in ${this.#source}: restore that file from a backup. Nothing was changed`,
    )
  }

  #ruleFor(at: string): EncryptionRule | undefined {
    const match = RESOURCE.exec(at)
    if (!match) return undefined
    const [prefix, group = '', resource = ''] = match
    if (!this.#ruleByPrefix.has(prefix)) {
      this.#ruleByPrefix.set(prefix, ruleFor(this.#rules, group === 'core' ? '' : group, resource))
    }
    return this.#ruleByPrefix.get(prefix)
  }
}

const isSealed = (value: Uint8Array) => value.byteLength > MARK.byteLength && MARK.every((byte, i) => value[i] === byte)

const beginsWith = (value: Uint8Array, prefix: string) =>
  Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, prefix.length)).toString('latin1') === prefix
