// Memory that a start leaves behind: modules' sources, what was parsed once, the young generation grown by it. V8 gives it back only
// when it is asked to, and an idle process never asks.
import type { Clock } from './clock.ts'

const SETTLED_AFTER_MS = 3000

/** Once, when the start is over. Needs `--expose-gc`, without which nothing happens. */
export function releaseStartMemory(clock: Clock): void {
  const { gc } = globalThis as { gc?: (options: object) => unknown }
  if (gc) clock.after(SETTLED_AFTER_MS, () => gc({ type: 'major', flavor: 'last-resort', execution: 'async' }))
}
