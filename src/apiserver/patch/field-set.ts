// A set of paths into an object, in the very form in which managedFields stores it (FieldsV1): a tree of `f:name`, `k:{"key":value}`,
// `v:value` and `i:index` nodes. A node without children is a member of the set; one with children is a member when it has `.`.
// Sets are plain JSON values and never changed in place, so that operations share what they do not touch and an entry that
// nobody changed costs nothing to store again.

export interface FieldSet {
  readonly [element: string]: FieldSet
}

const MEMBER = '.'
const LEAF: FieldSet = Object.freeze({})

/** No path at all. As a root, `{}` is the empty set; everywhere below it is a member without children. */
export const EMPTY: FieldSet = LEAF

export const leaf = (): FieldSet => LEAF

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

/** Is the path that leads to this node (not being the root) in the set? */
export function isMember(node: FieldSet): boolean {
  for (const _ in node) return Object.hasOwn(node, MEMBER)
  return true
}

/** A node from its parts; undefined when there is nothing in it. */
export function nodeOf(member: boolean, children: Record<string, FieldSet> | undefined): FieldSet | undefined {
  let any = false
  for (const _ in children) {
    any = true
    break
  }
  if (!any) return member ? LEAF : undefined
  return member ? { [MEMBER]: LEAF, ...children } : children
}

/** Both operands are roots. */
export const union = (a: FieldSet, b: FieldSet): FieldSet => nodeOf(false, uniteChildren(a, b)) ?? EMPTY
export const difference = (a: FieldSet, b: FieldSet): FieldSet => nodeOf(false, subtractChildren(a, b)) ?? EMPTY
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => nodeOf(false, intersectChildren(a, b)) ?? EMPTY

function uniteChildren(a: FieldSet, b: FieldSet): Record<string, FieldSet> {
  const out: Record<string, FieldSet> = {}
  for (const key in a) if (key !== MEMBER) out[key] = a[key]!
  for (const key in b) {
    if (key === MEMBER) continue
    const [left, right] = [out[key], b[key]!]
    if (left === undefined || left === right) out[key] = right
    else out[key] = nodeOf(isMember(left) || isMember(right), uniteChildren(left, right))!
  }
  return out
}

function subtractChildren(a: FieldSet, b: FieldSet): Record<string, FieldSet> {
  const out: Record<string, FieldSet> = {}
  for (const key in a) {
    if (key === MEMBER) continue
    const [left, right] = [a[key]!, b[key]]
    const rest = right ? nodeOf(isMember(left) && !isMember(right), subtractChildren(left, right)) : left
    if (rest) out[key] = rest
  }
  return out
}

function intersectChildren(a: FieldSet, b: FieldSet): Record<string, FieldSet> {
  const out: Record<string, FieldSet> = {}
  for (const key in a) {
    if (key === MEMBER) continue
    const [left, right] = [a[key]!, b[key]]
    const both = right && nodeOf(isMember(left) && isMember(right), intersectChildren(left, right))
    if (both) out[key] = both
  }
  return out
}

/** Do two roots share a path? Allocates nothing. */
export function intersects(a: FieldSet, b: FieldSet): boolean {
  for (const key in a) {
    if (key === MEMBER) continue
    const [left, right] = [a[key]!, b[key]]
    if (right && ((isMember(left) && isMember(right)) || intersects(left, right))) return true
  }
  return false
}

/** Without the paths that are in `b` or below a path in `b`. */
export function withoutSubtrees(a: FieldSet, b: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {}
  for (const key in a) {
    if (key === MEMBER) continue
    const [left, right] = [a[key]!, b[key]]
    if (!right) out[key] = left
    else if (!isMember(right)) {
      const rest = withoutSubtrees(left, right)
      const node = nodeOf(isMember(left), rest as Record<string, FieldSet>)
      if (node) out[key] = node
    }
  }
  return out
}

/** The same paths? Order and spelling (`{".":{}}` for `{}`) do not matter. */
export function sameSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  let count = 0
  for (const key in a) {
    if (key === MEMBER) continue
    const [left, right] = [a[key]!, b[key]]
    if (!right || isMember(left) !== isMember(right) || !sameSet(left, right)) return false
    count++
  }
  for (const key in b) if (key !== MEMBER) count--
  return count === 0
}

/** Named fields along the way to members become members: what RemoveItems needs to see that nobody holds a parent any more. */
export function withNamedParents(set: FieldSet): FieldSet {
  return nodeOf(false, ensureChildren(set)) ?? EMPTY
}

function ensureChildren(set: FieldSet): Record<string, FieldSet> {
  const out: Record<string, FieldSet> = {}
  for (const key in set) {
    if (key === MEMBER) continue
    const node = set[key]!
    out[key] = nodeOf(isMember(node) || key.startsWith('f:'), ensureChildren(node)) ?? LEAF
  }
  return out
}

/**
 * The members as clients read them: `.spec.template.spec.containers[name="web"].image`. k8s: of each level the members first, then what
 * lies in its parts; fields before list elements by key, by value and by index.
 */
export function formatPaths(set: FieldSet): string[] {
  const out: string[] = []
  const visit = (node: FieldSet, path: string) => {
    const elements = Object.keys(node)
      .filter((key) => key !== MEMBER)
      .sort((a, b) => KINDS_OF_ELEMENTS.indexOf(a[0]!) - KINDS_OF_ELEMENTS.indexOf(b[0]!) || (a < b ? -1 : 1))
    for (const key of elements) if (isMember(node[key]!)) out.push(path + formatElement(key))
    for (const key of elements) visit(node[key]!, path + formatElement(key))
  }
  visit(set, '')
  return out
}
const KINDS_OF_ELEMENTS = 'fkvi'

/** One step of a path: `.name`, `[="value"]`, `[key="value"]`. */
export function formatElement(element: string): string {
  const text = element.slice(2)
  switch (element[0]) {
    case 'f':
      return `.${text}`
    case 'v':
      return `[=${text}]`
    case 'i':
      return `[${text}]`
    default: {
      const keys = parseKeys(element) ?? {}
      return `[${Object.keys(keys)
        .sort()
        .map((key) => `${key}=${JSON.stringify(keys[key])}`)
        .join(',')}]`
    }
  }
}

/** The values in a `k:{…}` element. */
export function parseKeys(element: string): Record<string, unknown> | undefined {
  try {
    const keys: unknown = JSON.parse(element.slice(2))
    return typeof keys === 'object' && keys !== null && !Array.isArray(keys)
      ? (keys as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Dotted field names as a set: `['status', 'metadata.labels']`. */
export function setOfFields(paths: readonly string[]): FieldSet {
  let out: FieldSet = EMPTY
  for (const path of paths) {
    out = union(
      out,
      path.split('.').reduceRight<FieldSet>((inside, name) => ({ [`f:${name}`]: inside }), LEAF),
    )
  }
  return out
}

/** Deeper or larger sets from clients are refused. */
const MAX_DEPTH = 200
const MAX_NODES = 100_000

/** Is this value (from a client) a FieldsV1? */
export function isFieldSet(value: unknown): value is FieldSet {
  let nodes = 0
  const valid = (node: unknown, depth: number): boolean => {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return false
    if (depth > MAX_DEPTH || ++nodes > MAX_NODES) return false
    for (const [key, inside] of Object.entries(node)) {
      if (key === MEMBER ? depth === 0 && isEmptySet(node as FieldSet) : !/^[fkvi]:/.test(key)) return false
      if (!valid(inside, depth + 1)) return false
    }
    return true
  }
  return valid(value, 0)
}
