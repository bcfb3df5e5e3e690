// Named formats: `format.dns1123Label().validate(x)` gives the problems, or none.
import { asPrefix, dns1035Label, dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../../meta/names.ts'
import { type Declaration, type Library, overload } from '../functions.ts'
import { NONE, Opaque, Optional } from '../values.ts'
import { parseTimestamp } from './time.ts'
import { parseUrl } from './url.ts'

class FormatValue extends Opaque {
  readonly typeName = 'kubernetes.NamedFormat'
  readonly name: string
  readonly maxRegexSize: number
  readonly validate: (text: string) => string[]
  constructor(name: string, maxRegexSize: number, validate: (text: string) => string[]) {
    super()
    this.name = name
    this.maxRegexSize = maxRegexSize
    this.validate = validate
  }
  equals(other: Opaque): boolean {
    return other instanceof FormatValue && other.name === this.name
  }
}

const unless = (test: (text: string) => boolean, message: string) => (text: string) => (test(text) ? [] : [message])
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const isDate = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined

const FORMATS: ReadonlyMap<string, FormatValue> = new Map(
  (
    [
      ['dns1123Label', 30, dnsLabel],
      ['dns1123Subdomain', 60, dnsSubdomain],
      ['dns1035Label', 30, dns1035Label],
      ['qualifiedName', 60, qualifiedName],
      ['dns1123LabelPrefix', 30, asPrefix(dnsLabel)],
      ['dns1123SubdomainPrefix', 60, asPrefix(dnsSubdomain)],
      ['dns1035LabelPrefix', 30, asPrefix(dns1035Label)],
      ['labelValue', 40, labelValue],
      [
        'uri',
        1103,
        (text: string) => {
          const parts = parseUrl(text)
          return typeof parts === 'string' ? [parts] : []
        },
      ],
      ['uuid', 72, unless((text) => UUID.test(text), 'does not match the UUID format')],
      ['byte', 82, unless((text) => text !== '' && BASE64.test(text), 'invalid base64')],
      ['date', 72, unless(isDate, 'invalid date')],
      ['datetime', 72, unless((text) => parseTimestamp(text) !== undefined, 'invalid datetime')],
    ] as const
  ).map(([name, size, validate]) => [name, new FormatValue(name, size, validate)]),
)

const named = Object.fromEntries(
  [...FORMATS].map(([name, format]): [string, Declaration[]] => [
    `format.${name}`,
    [overload('() Format', () => format)],
  ]),
)

export const formatsLibrary: Library = {
  ...named,
  'format.named': [
    overload('(string) optional<Format>', (name: string) => {
      const found = FORMATS.get(name)
      return found ? new Optional(true, found) : NONE
    }),
  ],
  validate: [
    overload('Format.(string) optional<list<string>>', (format: FormatValue, text: string) => {
      const problems = format.validate(text)
      return problems.length > 0 ? new Optional(true, problems) : NONE
    }),
  ],
}
