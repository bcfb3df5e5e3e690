// Paths into a schema, as definitions write them: `.spec.color`, `.spec.map['a.b']`. Used by selectable fields and by rules.
import { type Props, propertyOf, valuesOf } from './props.ts'

export type Found =
  | { readonly steps: readonly string[]; readonly props: Props | undefined }
  | { readonly problem: string }

/** @param brackets whether `['name']` may be written */
export function fieldAt(props: Props, path: string, brackets: boolean): Found {
  const steps: string[] = []
  let rest = path
  let at: Props | undefined = props
  while (rest !== '') {
    const dotted = /^\.([A-Za-z_][\w-]*)/.exec(rest)
    const bracketed = /^\['((?:[^'\\]|\\.)*)'\]/.exec(rest)
    const step = dotted ?? bracketed
    if (rest.startsWith('[') && !brackets) return { problem: 'array notation is not allowed' }
    if (!step) {
      return {
        problem: rest.startsWith('[')
          ? `expected single quoted string but got ${rest.slice(1, 2)}`
          : `expected [ or . but got: ${rest.split(/[.[]/)[0]}`,
      }
    }
    const name = step[1]!.replace(/\\(.)/g, '$1')
    const values: Props | true | undefined = valuesOf(at)
    const next: Props | undefined = propertyOf(at, name) ?? (values === true ? undefined : values)
    if (!next && !(steps.length === 0 && name === 'metadata')) {
      return { problem: 'does not refer to a valid field' }
    }
    steps.push(name)
    at = next
    rest = rest.slice(step[0].length)
  }
  return steps.length === 0 ? { problem: 'unexpected end of JSON path' } : { steps, props: at }
}
