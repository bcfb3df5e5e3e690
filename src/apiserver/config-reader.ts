// Reads configuration files of kube-apiserver's formats: values by path, with every problem collected under the path of its field. The
// messages are those of kube-apiserver's own validation.
import { parseDuration } from '../api/meta/time.ts'

export type Fields = Readonly<Record<string, unknown>>

/** All that is wrong with a configuration: one line a problem. */
export class ConfigurationError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`)
    this.name = 'ConfigurationError'
  }
}

export class ConfigReader {
  readonly problems: string[] = []

  /** @throws ConfigurationError when the document is not of this kind */
  static open(document: unknown, kind: string, versions: readonly string[]): { fields: Fields; reader: ConfigReader } {
    const reader = new ConfigReader()
    const fields = isFields(document) ? document : {}
    if (!isFields(document)) throw new ConfigurationError(['the file is not a mapping'])
    const known = versions.map((version) => `apiserver.config.k8s.io/${version}`)
    if (fields['kind'] !== kind || !known.includes(String(fields['apiVersion']))) {
      throw new ConfigurationError([`apiVersion and kind must be ${known.join(' or ')} and ${kind}`])
    }
    return { fields, reader }
  }

  invalid(path: string, value: unknown, why: string): void {
    const shown = typeof value === 'object' && value !== null ? JSON.stringify(value) : JSON.stringify(value ?? '')
    this.problems.push(`${path}: Invalid value: ${shown}: ${why}`)
  }

  required(path: string, why = ''): void {
    this.problems.push(`${path}: Required value${why ? `: ${why}` : ''}`)
  }

  duplicate(path: string, value: unknown): void {
    this.problems.push(`${path}: Duplicate value: ${JSON.stringify(value)}`)
  }

  oneOf(path: string, value: string, known: readonly string[]): void {
    if (value === '') this.required(path)
    else if (!known.includes(value)) {
      const list = [...known].sort().map((one) => JSON.stringify(one))
      this.problems.push(`${path}: Unsupported value: ${JSON.stringify(value)}: supported values: ${list.join(', ')}`)
    }
  }

  /** Fields that the format doesn't have are mistakes. */
  only(path: string, fields: Fields, known: readonly string[]): void {
    for (const name of Object.keys(fields)) {
      if (!known.includes(name)) this.problems.push(`unknown field ${JSON.stringify(path ? `${path}.${name}` : name)}`)
    }
  }

  text(path: string, value: unknown): string {
    if (value === undefined || value === null) return ''
    if (typeof value !== 'string') this.invalid(path, value, 'must be a string')
    return typeof value === 'string' ? value : ''
  }

  list(path: string, value: unknown): readonly unknown[] {
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) this.invalid(path, value, 'must be a list')
    return Array.isArray(value) ? value : []
  }

  object(path: string, value: unknown): Fields {
    if (value === undefined || value === null) return {}
    if (!isFields(value)) this.invalid(path, value, 'must be a mapping')
    return isFields(value) ? value : {}
  }

  /** Milliseconds; undefined when absent or unreadable. */
  duration(path: string, value: unknown): number | undefined {
    const text = this.text(path, value)
    if (text === '') return undefined
    const ms = parseDuration(text)
    if (ms === undefined) this.invalid(path, text, 'must be a duration such as 3s')
    return ms
  }

  /** @throws ConfigurationError when anything was wrong */
  finish(): void {
    if (this.problems.length > 0) throw new ConfigurationError(this.problems)
  }
}

const isFields = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
