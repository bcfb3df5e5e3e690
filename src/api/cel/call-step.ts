// Calls at run time: which overload the arguments' values choose, and what that costs; and `in` for lists of constants.
import { type CallCosts, costOfCall } from './call-cost.ts'
import { noSuchOverload } from './errors.ts'
import { charge, type Step } from './frame.ts'
import { accepts, type Overload } from './functions.ts'
import { CelMap, kindOf, mapGet } from './values.ts'

/** The elements of a constant list of plain values, for quick lookup. */
export function membership(list: unknown): CelMap | undefined {
  if (!Array.isArray(list)) return undefined
  const map = new CelMap()
  for (const value of list) {
    const kind = kindOf(value)
    if (kind !== 'string' && kind !== 'bool' && kind !== 'int' && kind !== 'uint' && kind !== 'double') return undefined
    map.set(value, true)
  }
  return map
}
export function memberStep(operand: Step, members: CelMap): Step {
  return (frame) => mapGet(members, operand(frame)) !== undefined
}

export function callStep(fn: string, runs: readonly Step[], overloads: readonly Overload[]): Step {
  const costs = new Map<Overload, CallCosts>(overloads.map((overload) => [overload, costOfCall(fn, overload.id)]))
  // also where the types are known: a nullable field may be null
  const choose = (args: readonly unknown[]): Overload | undefined =>
    overloads.find((candidate) => candidate.args.every((type, i) => accepts(type, args[i])))
  return (frame) => {
    const args = runs.map((run) => run(frame))
    const chosen = choose(args)
    if (!chosen) {
      charge(frame, 1)
      throw noSuchOverload()
    }
    const { cost, byResult } = costs.get(chosen)!
    if (!byResult) {
      charge(frame, cost ? cost(args, undefined) : 1)
      return chosen.run(...args)
    }
    let result: unknown
    try {
      result = chosen.run(...args)
      return result
    } finally {
      charge(frame, cost!(args, result))
    }
  }
}
