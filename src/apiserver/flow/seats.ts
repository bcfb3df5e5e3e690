// How the server's concurrency is divided among the priority levels. A level's shares give it a nominal number of seats. What it may
// not lend is its floor, and always its own. What all may lend is one pool: each takes from it what it needs beyond its floor, as
// long as there is some, up to its own bound. So no level can be starved, and nothing is left idle. Pure but for `Pool`.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { PriorityLevelConfigurationSpec } from '../../api/types/flowcontrol.v1.ts'

export interface SeatLimits {
  readonly nominal: number
  /** Always its own. */
  readonly floor: number
  /** Never more, whatever is in the pool. */
  readonly most: number
}

export type LevelSpec = DeepReadonly<PriorityLevelConfigurationSpec>

export function seatLimits(specs: ReadonlyMap<string, LevelSpec>, total: number): Map<string, SeatLimits> {
  const sharesOf = ({ limited, exempt }: LevelSpec) =>
    limited ? (limited.nominalConcurrencyShares ?? 30) : (exempt?.nominalConcurrencyShares ?? 0)
  const sum = Math.max(
    1,
    [...specs.values()].reduce((all, spec) => all + sharesOf(spec), 0),
  )
  const limits = new Map<string, SeatLimits>()
  for (const [name, spec] of specs) {
    const nominal = Math.ceil((total * sharesOf(spec)) / sum)
    const { lendablePercent = 0 } = spec.limited ?? spec.exempt ?? {}
    const borrowing = spec.limited?.borrowingLimitPercent
    const most =
      borrowing === undefined || borrowing === null ? total : nominal + Math.round((nominal * borrowing) / 100)
    limits.set(name, { nominal, floor: nominal - Math.round((nominal * lendablePercent) / 100), most })
  }
  return limits
}

/** What the levels may lend, and how much of it is in use. */
export class Pool {
  size = 0
  used = 0

  get free(): number {
    return this.size - this.used
  }
}
