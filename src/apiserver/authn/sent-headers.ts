// Headers as they were sent: each as often as it came, in order, in UTF-8. For the families by which users are named in headers.

/** By lower-case name, of those that begin with `prefix`. @param rawHeaders names and values in turns */
export function sentHeaders(rawHeaders: readonly string[], prefix: string): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (!name.startsWith(prefix)) continue
    // The wire has UTF-8; Node reads headers as Latin-1.
    const value = Buffer.from(rawHeaders[at + 1]!.trim(), 'latin1').toString('utf8')
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return values
}

/** A key of `extra`, which headers carry percent-encoded; as it is where it isn't. */
export function unescapedKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
