// Declarations of functions: signatures as text, `string.startsWith` being `string.(string) bool`, each with what computes it. Signatures
// are read when a function is first used, so that a process that compiles no expression pays nothing.
import {
  AUTHORIZER,
  BOOL,
  BYTES,
  type CelType,
  CIDR,
  DECISION,
  DOUBLE,
  DURATION,
  DYN,
  FORMAT,
  GROUP_CHECK,
  INT,
  IP,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  PATH_CHECK,
  param,
  QUANTITY,
  RESOURCE_CHECK,
  SEMVER,
  STRING,
  TIMESTAMP,
  typeOfType,
  UINT,
  URL_TYPE,
} from './types.ts'
import { kindOf, typeNameOf } from './values.ts'

export type Implementation = (...args: never[]) => unknown
export interface Declaration {
  readonly signature: string
  readonly run: Implementation
  /** Only where cost accounting asks for it. */
  readonly id?: string
}
export interface Overload {
  readonly id: string
  readonly member: boolean
  /** The target first. */
  readonly args: readonly CelType[]
  readonly result: CelType
  readonly generic: boolean
  readonly run: (...args: unknown[]) => unknown
}
export type Library = Readonly<Record<string, readonly Declaration[]>>

export const overload = (signature: string, run: Implementation, id?: string): Declaration => ({
  signature,
  run,
  ...(id ? { id } : {}),
})

const NAMED: Readonly<Record<string, CelType>> = {
  dyn: DYN,
  null: NULL,
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  timestamp: TIMESTAMP,
  duration: DURATION,
  type: typeOfType(undefined),
  Quantity: QUANTITY,
  URL: URL_TYPE,
  IP,
  CIDR,
  Semver: SEMVER,
  Format: FORMAT,
  Authorizer: AUTHORIZER,
  PathCheck: PATH_CHECK,
  GroupCheck: GROUP_CHECK,
  ResourceCheck: RESOURCE_CHECK,
  Decision: DECISION,
}

function splitTypes(text: string): CelType[] {
  const types: CelType[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    const c = text[i]
    if (c === '<') depth++
    else if (c === '>') depth--
    else if (i === text.length || (c === ',' && depth === 0)) {
      const part = text.slice(from, i).trim()
      if (part) types.push(parseType(part))
      from = i + 1
    }
  }
  return types
}
function parseType(text: string): CelType {
  const [, outer, inner] = /^(\w+)<(.*)>$/.exec(text) ?? []
  if (outer) {
    const [first, second] = splitTypes(inner!)
    if (outer === 'list') return listOf(first!)
    if (outer === 'map') return mapOf(first!, second!)
    return outer === 'optional' ? optionalOf(first!) : typeOfType(first!)
  }
  return NAMED[text] ?? param(text)
}

function parseSignature({ signature, run, id = '' }: Declaration): Overload {
  const [, target, args, result] = /^(?:(.+)\.)?\((.*)\) (.+)$/.exec(signature)!
  const types = splitTypes(args!)
  return {
    id,
    member: target !== undefined,
    args: target === undefined ? types : [parseType(target), ...types],
    result: parseType(result!),
    generic: /\b[A-Z]\b/.test(signature),
    run: run as Overload['run'],
  }
}

/** The functions of some libraries. */
export class Functions {
  readonly #declared = new Map<string, Declaration[]>()
  readonly #parsed = new Map<string, readonly Overload[]>()

  constructor(libraries: readonly Library[]) {
    for (const library of libraries) {
      for (const [name, declarations] of Object.entries(library)) {
        const known = this.#declared.get(name)
        if (known) known.push(...declarations)
        else this.#declared.set(name, [...declarations])
      }
    }
  }

  has(name: string): boolean {
    return this.#declared.has(name)
  }

  get(name: string): readonly Overload[] | undefined {
    const known = this.#parsed.get(name)
    if (known) return known
    const parsed = this.#declared.get(name)?.map(parseSignature)
    if (parsed) this.#parsed.set(name, parsed)
    return parsed
  }
}

/** Whether a value may be an argument of this type, by its outermost shape. */
export function accepts(type: CelType, value: unknown): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
    case 'error':
      return true
    case 'opaque':
    case 'object':
      return typeNameOf(value) === type.name
    default:
      return kindOf(value) === type.kind
  }
}
