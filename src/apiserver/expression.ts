// CEL expressions of configuration files, as those who evaluate them see them: the language itself is handed in.

export interface Expression {
  /** @throws Error with the standard sentence */
  evaluate(bindings: Readonly<Record<string, unknown>>): unknown
}

/** @param variables that the expression may speak of. @throws Error saying what is wrong with the expression */
export type CompileExpression = (source: string, variables: readonly string[]) => Expression
