// The Common Expression Language as Kubernetes uses it. `compile` reads and type-checks an expression and makes a program of closures;
// a program is evaluated against bindings within a cost budget. Nothing here does I/O or keeps time.
import { adapterOf } from './adapt.ts'
import type { Expr } from './ast.ts'
import type { CostBudget } from './budget.ts'
import { check } from './checker.ts'
import { BUDGET_MESSAGE, CelCostError, CelError, formatIssues, Issues } from './errors.ts'
import { estimateCost } from './estimate.ts'
import type { Frame, Step } from './frame.ts'
import { Functions } from './functions.ts'
import { compileSteps } from './interpret.ts'
import { authorizerLibrary, jsonPatchLibrary } from './library/authorizer.ts'
import { formatsLibrary } from './library/formats.ts'
import { listsLibrary, optionalLibrary, setsLibrary } from './library/lists.ts'
import { netLibrary } from './library/net.ts'
import { regexLibrary } from './library/regex.ts'
import { standardLibrary } from './library/standard.ts'
import { stringsLibrary } from './library/strings.ts'
import { timeLibrary } from './library/time.ts'
import { urlLibrary } from './library/url.ts'
import { versionsLibrary } from './library/versions.ts'
import { checkLiterals, walk } from './literals.ts'
import { parse } from './parser.ts'
import type { CostRange, SizeHint } from './ranges.ts'
import type { CelType, ObjectType } from './types.ts'

export { CostBudget } from './budget.ts'
export { CelCostError, CelError } from './errors.ts'

export interface CelEnvironment {
  readonly variables: Readonly<Record<string, CelType>>
  /** Object types that expressions may construct or name, by name. */
  readonly structType?: (name: string) => ObjectType | undefined
  /** `jsonpatch.escapeKey`: mutating policies only. */
  readonly jsonPatch?: boolean
}

export type CompileResult =
  | { readonly ok: true; readonly program: CelProgram }
  | {
      readonly ok: false
      /** Each as `ERROR: <input>:1:5: …` with the line and a caret. */
      readonly issues: readonly string[]
      /** All of it, as the API's field errors say it: `compilation failed: ERROR: …`. */
      readonly message: string
    }

export type Binding = unknown | (() => unknown)

const LIBRARIES = [
  standardLibrary,
  timeLibrary,
  stringsLibrary,
  listsLibrary,
  setsLibrary,
  optionalLibrary,
  regexLibrary,
  urlLibrary,
  netLibrary,
  versionsLibrary,
  formatsLibrary,
  authorizerLibrary,
]
let plain: Functions | undefined
let patching: Functions | undefined
const functionsFor = ({ jsonPatch }: CelEnvironment): Functions => {
  if (jsonPatch) {
    patching ??= new Functions([...LIBRARIES, jsonPatchLibrary])
    return patching
  }
  plain ??= new Functions(LIBRARIES)
  return plain
}

export function compile(source: string, env: CelEnvironment): CompileResult {
  const issues = new Issues()
  const expr = parse(source, issues)
  const variable = (name: string) => (Object.hasOwn(env.variables, name) ? env.variables[name] : undefined)
  if (expr) {
    const scope = { variable, structType: env.structType ?? (() => undefined), functions: functionsFor(env) }
    const outputType = check(expr, scope, issues)
    if (issues.list.length === 0) checkLiterals(expr, issues)
    if (issues.list.length === 0) return instantiate(source, expr, outputType, variable)
  }
  const shown = formatIssues(source, issues.list)
  return { ok: false, issues: shown, message: `compilation failed: ${shown.join('\n')}` }
}

function instantiate(
  source: string,
  expr: Expr,
  outputType: CelType,
  variable: (name: string) => CelType | undefined,
): CompileResult {
  try {
    const { run, slots } = compileSteps(expr, (name) => {
      const type = variable(name)
      return type && adapterOf(type)
    })
    return { ok: true, program: new CelProgram(source, expr, outputType, run, slots) }
  } catch (err) {
    if (!(err instanceof CelError)) throw err
    return { ok: false, issues: [err.message], message: `program instantiation failed: ${err.message}` }
  }
}

export class CelProgram {
  readonly source: string
  readonly outputType: CelType
  readonly #expr: Expr
  readonly #run: Step
  readonly #slots: number

  constructor(source: string, expr: Expr, outputType: CelType, run: Step, slots: number) {
    this.source = source
    this.outputType = outputType
    this.#expr = expr
    this.#run = run
    this.#slots = slots
  }

  /** What evaluation may cost, by the sizes that values can have; `size` knows them for a path that begins with a variable. */
  estimateCost(size: SizeHint = () => undefined): CostRange {
    return estimateCost(this.#expr, size)
  }

  /** Whether the expression speaks of this variable. */
  uses(name: string): boolean {
    let found = false
    walk(this.#expr, (node) => {
      if (node.kind === 'ident' && node.name === name) found = true
    })
    return found
  }

  /**
   * The value. A binding that is a function is called when its variable is first needed, once.
   * @throws CelError with the standard sentence; CelCostError when this expression or the budget costs too much.
   */
  evaluate(bindings: Readonly<Record<string, Binding>>, budget: CostBudget): unknown {
    const known = new Map<string, unknown>()
    const frame: Frame = {
      cost: 0,
      limit: budget.perCallLimit,
      locals: new Array(this.#slots).fill(undefined),
      variable(name) {
        if (known.has(name)) return known.get(name)
        if (!Object.hasOwn(bindings, name)) throw new CelError(`no such attribute(s): ${name}`)
        const binding = bindings[name]
        const value = typeof binding === 'function' ? binding() : binding
        known.set(name, value)
        return value
      },
    }
    try {
      const value = this.#run(frame)
      if (frame.cost > budget.remaining) throw new CelCostError(BUDGET_MESSAGE)
      return value
    } catch (err) {
      if (frame.cost > budget.remaining && !(err instanceof CelCostError)) throw new CelCostError(BUDGET_MESSAGE)
      // a value nested so deeply that comparing it has no end
      if (err instanceof RangeError && /call stack/.test(err.message)) throw new CelError('expression is too deep')
      throw err
    } finally {
      budget.spend(frame.cost)
    }
  }
}
