// Server-side apply said as plainly as possible. An object is a table of paths and values, and each manager holds a set of paths: that is all there is.
// Lists have no order here, and containers exist when something is in them.
import type { FieldSet } from '../../src/apiserver/patch/field-set.ts'
import type { Thing } from './thing.ts'

export type Table = ReadonlyMap<string, string>

/** One line for each field, member and element. */
export function tableOf(thing: Thing): Map<string, string> {
  const table = new Map<string, string>()
  if (thing.text !== undefined) table.set('text', thing.text)
  for (const [key, value] of Object.entries(thing.map ?? {})) table.set(`map/${key}`, value)
  if (thing.whole) table.set('whole', JSON.stringify(Object.entries(thing.whole).sort()))
  for (const member of thing.set ?? []) table.set(`set/${member}`, member)
  if (thing.plain) table.set('plain', JSON.stringify(thing.plain))
  for (const { name, value } of thing.named ?? []) {
    table.set(`named/${name}`, '').set(`named/${name}/name`, name)
    if (value !== undefined) table.set(`named/${name}/value`, value)
  }
  return table
}

/** The paths of a `fieldsV1`. */
export function pathsIn(set: FieldSet): Set<string> {
  const paths = new Set<string>()
  for (const [field, inner] of Object.entries(set)) {
    const name = field.slice(2)
    if (name === 'text' || name === 'whole' || name === 'plain') paths.add(name)
    if (name === 'metadata') continue
    for (const [member, below] of Object.entries(inner)) {
      if (member === '.') continue
      if (name === 'map') paths.add(`map/${member.slice(2)}`)
      if (name === 'set') paths.add(`set/${JSON.parse(member.slice(2))}`)
      if (name !== 'named') continue
      const element = `named/${JSON.parse(member.slice(2)).name}`
      for (const leaf of Object.keys(below)) paths.add(leaf === '.' ? element : `${element}/${leaf.slice(2)}`)
    }
  }
  return paths
}

export class ApplyModel {
  values = new Map<string, string>()
  /** By manager; who applies and who updates have different names. */
  readonly held = new Map<string, Set<string>>()

  /** Who stands in the way of what. */
  conflicts(manager: string, config: Table): string[] {
    const found: string[] = []
    for (const [path, value] of config) {
      if (this.values.get(path) === value) continue
      for (const [other, paths] of this.held) if (other !== manager && paths.has(path)) found.push(`${other}: ${path}`)
    }
    return found.sort()
  }

  apply(manager: string, config: Table): void {
    const before = this.held.get(manager) ?? new Set<string>()
    this.#write(manager, config)
    this.#hold(manager, new Set(config.keys()))
    for (const path of before) {
      if (!config.has(path) && !this.#isHeld(path)) this.#remove(path)
    }
  }

  update(manager: string, after: Table): void {
    const changed = [...after].filter(([path, value]) => this.values.get(path) !== value)
    for (const path of [...this.values.keys()]) if (!after.has(path)) this.#remove(path)
    this.#write(manager, new Map(changed))
    this.#hold(manager, new Set([...(this.held.get(manager) ?? []), ...changed.map(([path]) => path)]))
  }

  /** What changes a value takes it from everybody else. */
  #write(manager: string, values: Table): void {
    for (const [path, value] of values) {
      if (this.values.get(path) === value) continue
      this.values.set(path, value)
      for (const [other, paths] of this.held) if (other !== manager) paths.delete(path)
    }
    this.#tidy()
  }

  #hold(manager: string, paths: Set<string>): void {
    this.held.set(manager, paths)
    this.#tidy()
  }

  #isHeld(path: string): boolean {
    return [...this.held.values()].some((paths) => [...paths].some((p) => p === path || p.startsWith(`${path}/`)))
  }

  #remove(path: string): void {
    for (const each of [...this.values.keys()]) {
      if (each !== path && !each.startsWith(`${path}/`)) continue
      this.values.delete(each)
      for (const paths of this.held.values()) paths.delete(each)
    }
    this.#tidy()
  }

  #tidy(): void {
    for (const [manager, paths] of this.held) if (paths.size === 0) this.held.delete(manager)
  }
}
