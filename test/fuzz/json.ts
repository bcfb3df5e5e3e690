// Random JSON, from a grammar and by changing what is valid. Kept as a tree of its own and not as values of the language, so that it
// can say what those can't: the same key twice, `__proto__` as a key, numbers of any size. `write` gives the text.
import { ODD_NUMBERS, type Random } from './random.ts'

export type Tree =
  | { kind: 'object'; fields: [string, Tree][] }
  | { kind: 'array'; items: Tree[] }
  /** Text that stands in the JSON as it is. */
  | { kind: 'leaf'; text: string }

export const leaf = (value: unknown): Tree => ({ kind: 'leaf', text: JSON.stringify(value) })

export function treeOf(value: unknown): Tree {
  if (value === undefined) return leaf(null)
  if (Array.isArray(value)) return { kind: 'array', items: value.map(treeOf) }
  if (value !== null && typeof value === 'object') {
    return { kind: 'object', fields: Object.entries(value).map(([key, inner]) => [key, treeOf(inner)]) }
  }
  return leaf(value)
}

export function write(tree: Tree): string {
  switch (tree.kind) {
    case 'leaf':
      return tree.text
    case 'array':
      return `[${tree.items.map(write).join(',')}]`
    case 'object':
      return `{${tree.fields.map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`).join(',')}}`
  }
}

export function randomTree(random: Random, depth = 0): Tree {
  switch (random.below(depth > 4 ? 5 : 8)) {
    case 0:
      return leaf(random.pick([null, true, false]))
    case 1:
    case 2:
      return { kind: 'leaf', text: random.pick(ODD_NUMBERS) }
    case 3:
    case 4:
      return leaf(random.text())
    case 5:
      return { kind: 'array', items: Array.from({ length: random.below(4) }, () => randomTree(random, depth + 1)) }
    default:
      return {
        kind: 'object',
        fields: Array.from({ length: random.below(5) }, () => [random.text(), randomTree(random, depth + 1)]),
      }
  }
}

/** A long chain of lists or objects in one another. */
export function deepTree(random: Random, depth: number): Tree {
  const key = random.pick(['a', 'metadata', 'spec', 'template', 'items', 'properties', 'not'])
  const asList = random.chance(0.5)
  const [open, inner, close] = asList ? ['[', '', ']'] : [`{"${key}":`, '1', '}']
  const text = open.repeat(depth) + inner + close.repeat(depth)
  return { kind: 'leaf', text }
}

/** The tree with some places changed; the given one stays as it is. `words` are fitting names and values to put in. */
export function mutated(random: Random, tree: Tree, changes: number, words: readonly string[]): Tree {
  let result = copied(tree)
  for (let i = 0; i < changes; i++) result = mutatedOnce(random, result, words)
  return result
}

const copied = (tree: Tree): Tree =>
  tree.kind === 'leaf'
    ? tree
    : tree.kind === 'array'
      ? { kind: 'array', items: tree.items.map(copied) }
      : { kind: 'object', fields: tree.fields.map(([key, value]) => [key, copied(value)]) }

function mutatedOnce(random: Random, tree: Tree, words: readonly string[]): Tree {
  const inner = tree.kind === 'object' ? tree.fields.length : tree.kind === 'array' ? tree.items.length : 0
  if (inner > 0 && random.chance(0.75)) {
    const at = random.below(inner)
    if (tree.kind === 'object') {
      const field = tree.fields[at]!
      field[1] = mutatedOnce(random, field[1], words)
    } else if (tree.kind === 'array') tree.items[at] = mutatedOnce(random, tree.items[at]!, words)
    return tree
  }
  const name = () => (words.length > 0 && random.chance(0.5) ? random.pick(words) : random.text())
  if (tree.kind === 'object') {
    const at = random.below(tree.fields.length)
    switch (random.below(6)) {
      case 0:
        tree.fields.splice(at, 1)
        return tree
      case 1:
        if (tree.fields.length > 0) tree.fields.push([tree.fields[at]![0], randomTree(random, 3)])
        return tree
      case 2:
        if (tree.fields.length > 0) tree.fields[at]![0] = name()
        return tree
      case 3:
        tree.fields.push([name(), randomTree(random, 2)])
        return tree
      case 4:
        tree.fields = random.shuffled(tree.fields)
        return tree
    }
  }
  if (tree.kind === 'array' && tree.items.length > 0) {
    const at = random.below(tree.items.length)
    switch (random.below(5)) {
      case 0:
        tree.items.splice(at, 1)
        return tree
      case 1:
        tree.items.push(copied(tree.items[at]!))
        return tree
      case 2:
        tree.items = Array.from({ length: random.pick([20, 200]) }, () => copied(tree.items[at]!))
        return tree
      case 3:
        tree.items.push(randomTree(random, 3))
        return tree
    }
  }
  if (random.chance(0.01)) return deepTree(random, random.pick([50, 200, 5000]))
  if (random.chance(0.4) && words.length > 0) return leaf(random.pick(words))
  return randomTree(random, random.below(6))
}

/** Bytes with some of them changed, doubled, left out or cut off. */
export function garbled(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes)
  for (let i = 1 + random.below(4); i > 0 && result.length > 0; i--) {
    const at = random.below(result.length)
    switch (random.below(5)) {
      case 0:
        result[at] = random.below(256)
        break
      case 1:
        result[at] = result[at]! ^ (1 << random.below(8))
        break
      case 2:
        result = Buffer.concat([result.subarray(0, at), random.bytes(random.below(6)), result.subarray(at)])
        break
      case 3:
        result = Buffer.concat([result.subarray(0, at), result.subarray(Math.min(result.length, at + random.below(8)))])
        break
      case 4:
        result = result.subarray(0, at)
    }
  }
  return result
}
