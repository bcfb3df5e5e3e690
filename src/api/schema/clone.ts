// Deep copy of JSON values. Faster than structuredClone and JSON round trips; knows only what JSON knows, so that class
// instances, functions and cycles have no place in it.

/** A copy that shares nothing with `value`. */
export function cloneJson<T>(value: T): T {
  return copy(value) as T
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const out = new Array(value.length)
    for (let i = 0; i < value.length; i++) out[i] = copy(value[i])
    return out
  }
  const out: Record<string, unknown> = {}
  const source = value as Record<string, unknown>
  for (const key in source) {
    const entry = source[key]
    if (key === '__proto__') setKey(out, key, copy(entry))
    else if (entry !== undefined) out[key] = typeof entry === 'object' && entry !== null ? copy(entry) : entry
  }
  return out
}

/** Assigns a key that came from a client: `__proto__` becomes an ordinary property instead of changing the prototype. */
export function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    target[key] = value
  }
}
