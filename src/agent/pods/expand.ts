// `$(NAME)` references in env values, commands, arguments and subPathExpr. `$$(NAME)` is written as `$(NAME)`; a reference to an unknown
// name stays as it is. Pure.

/** @param lookup undefined for an unknown name. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let result = ''
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$' || i + 1 >= text.length) {
      result += text[i]
      continue
    }
    const next = text[i + 1]
    if (next === '$') {
      result += '$'
      i++
    } else if (next === '(') {
      const end = text.indexOf(')', i + 2)
      if (end < 0) {
        // k8s: an unclosed reference is text.
        result += '$('
        i++
        continue
      }
      const name = text.slice(i + 2, end)
      result += lookup(name) ?? `$(${name})`
      i = end
    } else {
      result += '$'
    }
  }
  return result
}
