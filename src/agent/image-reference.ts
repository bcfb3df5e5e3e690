// Whether a text can name an image: `[registry[:port]/]path[:tag][@digest]` by the distribution's grammar. Pure.
const DOMAIN =
  /^(?:localhost|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/

export function isImageReference(text: string): boolean {
  if (text.length > 1024) return false
  const at = text.indexOf('@')
  if (at >= 0 && !DIGEST.test(text.slice(at + 1))) return false
  const parts = (at < 0 ? text : text.slice(0, at)).split('/')
  const last = parts.pop() ?? ''
  const colon = last.indexOf(':')
  if (colon >= 0 && !TAG.test(last.slice(colon + 1))) return false
  parts.push(colon < 0 ? last : last.slice(0, colon))
  const first = parts[0] ?? ''
  const hasDomain = parts.length > 1 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  if (hasDomain && !DOMAIN.test(first)) return false
  const path = hasDomain ? parts.slice(1) : parts
  // k8s: a bare 64 digit hexadecimal name would be an image id.
  if (path.length === 1 && !hasDomain && /^[0-9a-f]{64}$/.test(path[0] ?? '')) return false
  return path.every((part) => PATH_PART.test(part))
}
