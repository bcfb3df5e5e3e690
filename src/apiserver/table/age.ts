// How long ago something happened, in the few characters that users know from `kubectl get`: 45s, 3m20s, 5h, 12d.

/** @param since RFC 3339; what cannot be read shows as `<unknown>`. */
export function ageSince(since: string | undefined | null, nowMs: number): string {
  const thenMs = since ? Date.parse(since) : Number.NaN
  return Number.isNaN(thenMs) ? '<unknown>' : formatAge(nowMs - thenMs)
}

/** k8s: two units while the smaller one still matters, one after that. */
export function formatAge(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.floor(hours / 24)
  if (days < 8) return two(days, 'd', hours % 24, 'h')
  if (days < 730) return `${days}d`
  const years = Math.floor(days / 365)
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`
}

const two = (large: number, largeUnit: string, small: number, smallUnit: string) =>
  small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
