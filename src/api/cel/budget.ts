// What evaluation may cost. k8s: one expression at most PER_CALL_LIMIT, all expressions about one object at most RUNTIME_BUDGET; and
// what a custom resource's rules may cost at most by estimate.

export const PER_CALL_LIMIT = 1_000_000
export const RUNTIME_BUDGET = 10_000_000
export const MATCH_CONDITIONS_BUDGET = 2_500_000
export const STATIC_ESTIMATED_COST_LIMIT = 10_000_000
export const STATIC_ESTIMATED_CRD_COST_LIMIT = 100_000_000
/** The largest request: 3 MiB. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024

/** Shared by the expressions about one object. */
export class CostBudget {
  readonly limit: number
  /** What one expression may cost. */
  readonly perCallLimit: number
  #used = 0

  constructor(limit: number, perCallLimit = PER_CALL_LIMIT) {
    this.limit = limit
    this.perCallLimit = perCallLimit
  }

  get used(): number {
    return this.#used
  }
  get remaining(): number {
    return this.limit - this.#used
  }
  get exceeded(): boolean {
    return this.#used > this.limit
  }
  spend(cost: number): void {
    this.#used += cost
  }
}
