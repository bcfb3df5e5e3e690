// Kinds that show the same stored objects under another group or version, and one shown as the other: events and events.k8s.io,
// both versions of autoscaling, the versions of a custom resource.
import type { Kind } from '../../../api/kinds/kind.ts'
import type { KubeObject } from '../../../api/meta/object.ts'
import { cloneJson } from '../../../api/schema/clone.ts'
import type { Resources } from '../../resources.ts'

const storedUnder = ({ storedAs, group, version, kind }: Kind) => {
  const of = storedAs ?? { group, version, kind }
  return `${of.group}/${of.version}/${of.kind}`
}

export class Equivalents {
  readonly #resources: Resources
  #generation = -1
  #byKind = new Map<Kind, readonly Kind[]>()

  constructor(resources: Resources) {
    this.#resources = resources
  }

  /** Without the kind itself. */
  of(kind: Kind): readonly Kind[] {
    if (this.#generation !== this.#resources.generation) {
      this.#generation = this.#resources.generation
      this.#byKind.clear()
    }
    let found = this.#byKind.get(kind)
    if (!found) {
      const stored = storedUnder(kind)
      found = this.#resources.kinds.filter(
        (other) => other !== kind && other.plural === kind.plural && storedUnder(other) === stored,
      )
      this.#byKind.set(kind, found)
    }
    return found
  }
}

/** A copy of the object as the other kind shows it. Versions of a custom resource may be a web service's affair. */
export async function convert(obj: KubeObject, from: Kind, to: Kind): Promise<KubeObject> {
  const copy = cloneJson(obj)
  if (from === to) return copy
  if (to.custom?.convert) {
    const [converted] = await to.custom.convert([copy], to.apiVersion)
    return cloneJson(to.custom.fromConverted(converted!))
  }
  const stored = from.storedAs ? from.storedAs.toStored(copy) : copy
  return cloneJson(to.storedAs ? to.storedAs.fromStored(stored) : stored)
}
