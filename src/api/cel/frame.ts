// One evaluation while it runs: what it has cost, its variables, and the slots of its folds.
import { CelCostError, COST_LIMIT_MESSAGE } from './errors.ts'

/** One evaluation. */
export interface Frame {
  cost: number
  readonly limit: number
  readonly variable: (name: string) => unknown
  readonly locals: unknown[]
}
export type Step = (frame: Frame) => unknown

export function charge(frame: Frame, cost: number): void {
  frame.cost += cost
  if (frame.cost > frame.limit) throw new CelCostError(COST_LIMIT_MESSAGE)
}
