// What goes wrong while an expression is read or evaluated, and how issues are shown: `ERROR: <input>:1:5: …` with the line and a caret.

/** A failure of evaluation: `no such key: x`, `integer overflow`. */
export class CelError extends Error {
  override readonly name: string = 'CelError'
}
export const noSuchOverload = () => new CelError('no such overload')
export const noSuchKey = (key: string) => new CelError(`no such key: ${key}`)

export const COST_LIMIT_MESSAGE = 'operation cancelled: actual cost limit exceeded'
export const BUDGET_MESSAGE =
  'validation failed due to running out of cost budget, no further validation rules will be run'

/** Cannot be caught by `||` and its like: evaluation is over. */
export class CelCostError extends CelError {
  override readonly name = 'CelCostError'
}

export interface Issue {
  readonly pos: number
  readonly message: string
}

export class Issues {
  readonly list: Issue[] = []

  add(pos: number, message: string): void {
    // k8s: an expression full of errors is not described to its end
    if (this.list.length < MAX_ISSUES) this.list.push({ pos, message })
  }
}
const MAX_ISSUES = 100

/** Sorted by position, each as clients see it. */
export function formatIssues(source: string, issues: readonly Issue[]): string[] {
  const lines = source.split('\n')
  const starts: number[] = []
  let at = 0
  for (const line of lines) {
    starts.push(at)
    at += line.length + 1
  }
  return [...issues]
    .sort((a, b) => a.pos - b.pos)
    .map(({ pos, message }) => {
      let line = starts.findLastIndex((start) => start <= pos)
      if (line < 0) line = 0
      const text = lines[line]!
      // columns are counted in characters
      const before = [...text.slice(0, pos - starts[line]!)]
      const dots = before.map((c) => (c.codePointAt(0)! > 0xff ? '．' : '.')).join('')
      return `ERROR: <input>:${line + 1}:${before.length + 1}: ${message}\n | ${text.replaceAll('\t', ' ')}\n | ${dots}^`
    })
}
