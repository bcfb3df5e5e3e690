// The functions of regular expressions beyond `matches`.
import { type Library, overload } from '../functions.ts'
import { matcher } from './regex-program.ts'

function findAll(text: string, pattern: string, limit = -1): string[] {
  const found: string[] = []
  const regex = matcher(pattern)
  let from = 0
  while (from <= text.length && (limit < 0 || found.length < limit)) {
    const range = regex.find(text, from)
    if (!range) break
    // an empty match right behind a match does not count
    if (range[1] > range[0] || range[0] !== from || from === 0 || found.length === 0) found.push(text.slice(...range))
    from = range[1] > range[0] ? range[1] : range[1] + ((text.codePointAt(range[1]) ?? 0) > 0xffff ? 2 : 1)
  }
  return found
}

export const regexLibrary: Library = {
  find: [
    overload('string.(string) string', (text: string, pattern: string) => {
      const range = matcher(pattern).find(text, 0)
      return range ? text.slice(...range) : ''
    }),
  ],
  findAll: [
    overload('string.(string) list<string>', (text: string, pattern: string) => findAll(text, pattern)),
    overload('string.(string, int) list<string>', (text: string, pattern: string, limit: number | bigint) =>
      findAll(text, pattern, Number(limit)),
    ),
  ],
}
