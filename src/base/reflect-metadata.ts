// The part of the Reflect metadata proposal that @peculiar/x509's dependency injection asks for before it loads. It only stores and
// returns values; imported for its effect, right before that library, and nowhere else.

type Metadata = Map<unknown, unknown>
const metadataByTarget = new WeakMap<object, Metadata>()

const getOwnMetadata = (key: unknown, target: object): unknown => metadataByTarget.get(target)?.get(key)

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at; at = Object.getPrototypeOf(at)) {
    const own = metadataByTarget.get(at)
    if (own?.has(key)) return own.get(key)
  }
  return undefined
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = metadataByTarget.get(target) ?? new Map()
  metadataByTarget.set(target, own.set(key, value))
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, { getMetadata, getOwnMetadata, defineMetadata })
