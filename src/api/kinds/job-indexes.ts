// Sets of the indexes of a Job, as its status and its success policy write them: `1,3-5,7`. k8s: what is wrong is said in these words.

type Interval = readonly [first: number, last: number]

export type Indexes = { readonly total: number } | { readonly problem: string }

/** How many indexes a text names, or what is wrong with it. */
export function parseIndexes(text: string, completions: number): Indexes {
  if (text === '') return { total: 0 }
  let previous: number | undefined
  let total = 0
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions)
    if (typeof interval === 'string') return { problem: interval }
    const [first, last] = interval
    if (previous !== undefined && previous >= first) return { problem: outOfOrder(previous, first) }
    total += last - first + 1
    previous = last
  }
  return { total }
}

const outOfOrder = (previous: number, current: number) =>
  `non-increasing order, previous: ${previous}, current: ${current}`

function parseInterval(text: string, completions: number): Interval | string {
  const limits = text.split('-')
  if (limits.length > 2) {
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`
  }
  const numbers: number[] = []
  for (const limit of limits) {
    if (!/^\+?\d{1,15}$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`
    numbers.push(Number(limit))
  }
  const [first = 0, last] = numbers
  if (last === undefined) return [first, first]
  return first >= last ? outOfOrder(first, last) : [first, last]
}

/** The first index that both sets name; parts that can't be read are passed over. */
export function firstShared(a: string, b: string, completions: number): number | undefined {
  const intervals = (text: string) =>
    text === ''
      ? []
      : text.split(',').flatMap((part) => {
          const interval = parseInterval(part, completions)
          return typeof interval === 'string' ? [] : [interval]
        })
  const [left, right] = [intervals(a), intervals(b)]
  for (let l = 0, r = 0; l < left.length && r < right.length; ) {
    const [x, y] = [left[l]!, right[r]!]
    if (x[0] <= y[1] && y[0] <= x[1]) return Math.max(x[0], y[0])
    if (x[0] <= y[0]) l++
    else r++
  }
  return undefined
}
