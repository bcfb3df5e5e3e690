// A look at literals after the type check: durations, times, patterns and formats that can never work are issues at once.
import type { CallExpr, Expr } from './ast.ts'
import { CelError, type Issues } from './errors.ts'
import { matcher } from './library/regex-program.ts'
import { formatText, walkFormat } from './library/text.ts'
import { durationOf, timestampOf } from './library/time.ts'
import { type CelType, DYN, formatType, sameType } from './types.ts'

const CHECKS: Readonly<Record<string, (text: string) => unknown>> = {
  duration: durationOf,
  timestamp: timestampOf,
  matches: matcher,
}

/** Every node, parents first. */
export function walk(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr)
  for (const part of partsOf(expr)) walk(part, visit)
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand]
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args
    case 'list':
      return expr.items
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value])
    case 'struct':
      return expr.fields.map(({ value }) => value)
    case 'fold':
      return [expr.range, expr.accuInit, expr.condition, expr.step, expr.result]
    default:
      return []
  }
}

export function checkLiterals(expr: Expr, issues: Issues): void {
  const exempt = new Set<Expr>()
  walk(expr, (node) => {
    // k8s: what is formatted may be mixed
    if (node.kind === 'call' && node.fn === 'format') for (const arg of node.args) walk(arg, (part) => exempt.add(part))
    if (!exempt.has(node)) checkMixed(node, issues)
    if (node.kind !== 'call') return
    if (node.fn === 'format') return checkFormat(node, issues)
    const arg = node.args.at(-1)
    const check = Object.hasOwn(CHECKS, node.fn) ? CHECKS[node.fn] : undefined
    if (!check || arg?.kind !== 'literal' || typeof arg.value !== 'string') return
    const problem = attempt(() => check(arg.value as string))
    if (problem !== undefined) issues.add(arg.pos, `invalid ${node.fn} argument`)
  })
}

/** Elements of one literal have one type. */
function checkMixed(node: Expr, issues: Issues): void {
  const same = (parts: readonly (readonly [expr: Expr, optional: boolean])[]) => {
    let first: CelType | undefined
    for (const [part, optional] of parts) {
      const type = optional && part.type?.kind === 'optional' ? part.type.of : (part.type ?? DYN)
      first ??= type
      if (!sameType(first, type)) {
        issues.add(part.pos, `expected type '${formatType(first)}' but found '${formatType(type)}'`)
      }
    }
  }
  if (node.kind === 'list') same(node.items.map((item, i) => [item, node.optional.has(i)]))
  else if (node.kind === 'map') {
    same(node.entries.map(({ key }) => [key, false]))
    same(node.entries.map(({ value, optional }) => [value, optional]))
  }
}

function attempt(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (err) {
    if (err instanceof CelError) return err.message
    throw err
  }
}

function checkFormat({ pos, target, args }: CallExpr, issues: Issues): void {
  const [list] = args
  if (target?.kind !== 'literal' || typeof target.value !== 'string' || list?.kind !== 'list') return
  const text = target.value
  let next = 0
  const problem = attempt(() =>
    walkFormat(text, (letter, precision) => {
      const item = list.items[next++]
      if (!item) throw new CelError(`index ${next - 1} out of range`)
      const clause = `%${precision === undefined ? '' : `.${precision}`}${letter}`
      if (item.kind === 'literal') {
        const wrong = attempt(() => formatText(clause, [item.value]))
        if (wrong !== undefined) {
          issues.add(wrong.startsWith('could not') ? pos : item.pos, wrong)
        }
      } else if (!'sdfeboxX'.includes(letter)) formatText(clause, [null])
      return ''
    }),
  )
  if (problem !== undefined) issues.add(pos, problem)
  else if (next < list.items.length) {
    issues.add(
      list.items[next]!.pos,
      `too many arguments supplied to string.format (expected ${next}, got ${list.items.length})`,
    )
  }
}
