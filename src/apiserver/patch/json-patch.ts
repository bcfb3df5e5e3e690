// RFC 6902: a list of add, remove, replace, move, copy and test operations. All or nothing: the document given is never changed,
// the result is a new one. Bounded in operations and in what copies may add up to.

import { jsonEqual } from '../../api/meta/equality.ts'
import { cloneJson, setKey } from '../../api/schema/clone.ts'
import { malformedPatch, patchTooLarge, unmarshalError, unprocessablePatch } from './patch-errors.ts'

/** k8s: operations in one patch. */
export const MAX_OPERATIONS = 10_000
/** Values that `copy` may duplicate in one patch, counted in JSON nodes. */
const MAX_COPIED_NODES = 1_000_000

/** Why a patch does not apply whose `test` operation found something else: the cause of the error. */
export class TestFailed extends Error {}

interface Operation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  path: string[]
  pathText: string
  from: string[]
  fromText: string
  value: unknown
}

/** @throws StatusError: 400 for what is no patch, 413 for too many operations, 422 when an operation cannot be performed. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const operations = parseOperations(patch)
  const root = { document: cloneJson(document) }
  let copied = 0
  for (const operation of operations) {
    if (operation.op === 'copy') {
      copied += countNodes(read(root, operation.from, operation.fromText, 'copy'), MAX_COPIED_NODES - copied)
      if (copied >= MAX_COPIED_NODES)
        throw patchTooLarge('the copy operations of the JSON patch accumulate too much data')
    }
    perform(root, operation)
  }
  return root.document
}

interface Root {
  document: unknown
}

function parseOperations(patch: unknown): Operation[] {
  if (patch === null) return []
  if (!Array.isArray(patch)) throw undecodable(unmarshalError(patch, 'value of type []handlers.jsonPatchOp'))
  if (patch.length > MAX_OPERATIONS) {
    throw patchTooLarge(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`)
  }
  return patch.map((given): Operation => {
    if (typeof given !== 'object' || Array.isArray(given)) {
      throw undecodable(unmarshalError(given, 'value of type handlers.jsonPatchOp'))
    }
    const { op, path, from, value } = (given ?? {}) as Record<string, unknown>
    for (const [name, text] of Object.entries({ op, path, from })) {
      if (text !== undefined && text !== null && typeof text !== 'string') {
        throw undecodable(unmarshalError(text, `struct field jsonPatchOp.${name} of type string`))
      }
    }
    const refuse = (why: string) => malformedPatch(`invalid operation ${JSON.stringify(given)}: ${why}`)
    if (op !== 'add' && op !== 'remove' && op !== 'replace' && op !== 'move' && op !== 'copy' && op !== 'test') {
      throw refuse('unsupported operation')
    }
    const needsFrom = op === 'move' || op === 'copy'
    if ((op === 'add' || op === 'replace') && !Object.hasOwn(given, 'value')) {
      throw refuse("failed to decode 'value': operation, missing value field: missing value")
    }
    if (needsFrom && typeof from !== 'string') {
      throw refuse("failed to decode 'from': operation, missing from field: missing value")
    }
    if (typeof path !== 'string') throw refuse("failed to decode 'path': operation missing path field: missing value")
    return {
      op,
      path: pointer(path),
      pathText: path,
      from: needsFrom ? pointer(from as string) : [],
      fromText: needsFrom ? (from as string) : '',
      value,
    }
  })
}

const undecodable = (why: string) => malformedPatch(`error decoding patch: ${why}`)

function pointer(text: string): string[] {
  if (text === '') return []
  if (!text.startsWith('/')) throw unprocessablePatch(`JSON pointer must start with "/": ${text}`)
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function perform(root: Root, { op, path, pathText, from, fromText, value }: Operation): void {
  switch (op) {
    case 'add':
      write(root, path, pathText, cloneJson(value), op)
      break
    case 'replace':
      read(root, path, pathText, op)
      write(root, path, pathText, cloneJson(value), op)
      break
    case 'remove':
      remove(root, path, pathText, op)
      break
    case 'copy':
      write(root, path, pathText, cloneJson(read(root, from, fromText, op)), op)
      break
    case 'move': {
      if (path.length > from.length && from.every((part, i) => part === path[i])) {
        throw unprocessablePatch(`move operation cannot move a value into itself: ${fromText} to ${pathText}`)
      }
      const moved = read(root, from, fromText, op)
      remove(root, from, fromText, op)
      write(root, path, pathText, moved, op)
      break
    }
    case 'test':
      if (!jsonEqual(lookup(root, path) ?? null, value ?? null)) {
        throw unprocessablePatch(new TestFailed(`testing value ${pathText} failed: test failed`))
      }
  }
}

/** The index that a pointer's part names in a list; `-` is the place after the last one. */
function indexIn(list: readonly unknown[], part: string): number | undefined {
  if (part === '-') return list.length
  if (/^(?:0|[1-9][0-9]{0,9})$/.test(part)) return Number(part)
  // k8s: negative indices count from the end
  const negative = /^-[1-9][0-9]{0,9}$/.test(part) ? list.length + Number(part) : -1
  return negative >= 0 ? negative : undefined
}

function child(value: unknown, part: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined
  const index = indexIn(value, part)
  return index === undefined ? undefined : value[index]
}

function lookup(root: Root, path: readonly string[]): unknown {
  let value = root.document
  for (const part of path) {
    value = child(value, part)
    if (value === undefined) return undefined
  }
  return value
}

function read(root: Root, path: readonly string[], text: string, op: string): unknown {
  const value = lookup(root, path)
  if (value === undefined) throw missing(op, text)
  return value
}

const missing = (op: string, text: string) =>
  unprocessablePatch(`${op} operation does not apply: doc is missing path: ${text}: missing value`)

function parentOf(root: Root, path: readonly string[], text: string, op: string): object {
  const parent = lookup(root, path.slice(0, -1))
  if (typeof parent !== 'object' || parent === null) throw missing(op, text)
  return parent
}

function write(root: Root, path: readonly string[], text: string, value: unknown, op: string): void {
  if (path.length === 0) {
    root.document = value
    return
  }
  const parent = parentOf(root, path, text, op)
  const last = path.at(-1)!
  if (!Array.isArray(parent)) {
    setKey(parent as Record<string, unknown>, last, value)
    return
  }
  const index = indexIn(parent, last)
  if (index === undefined || index > parent.length) {
    throw unprocessablePatch(`${op} operation does not apply: invalid array index: ${text}: invalid index referenced`)
  }
  if (op === 'replace') parent[index] = value
  else parent.splice(index, 0, value)
}

function remove(root: Root, path: readonly string[], text: string, op: string): void {
  if (path.length === 0) throw unprocessablePatch(`${op} operation cannot remove the whole document`)
  const parent = parentOf(root, path, text, op)
  const last = path.at(-1)!
  if (child(parent, last) === undefined) throw missing(op, text)
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last)!, 1)
  else delete (parent as Record<string, unknown>)[last]
}

/** Stops counting at `enough`. */
function countNodes(value: unknown, enough: number): number {
  let nodes = 1
  if (typeof value !== 'object' || value === null) return nodes
  for (const inside of Object.values(value)) {
    nodes += countNodes(inside, enough - nodes)
    if (nodes >= enough) return nodes
  }
  return nodes
}
