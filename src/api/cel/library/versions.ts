// Quantities and semantic versions.
import { formatQuantity, parseQuantity, type Quantity, QuantityError } from '../../meta/quantity.ts'
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import { Double, Opaque, toInt } from '../values.ts'

const NANO = 1_000_000_000n
const MAX = 2n ** 63n - 1n

class QuantityValue extends Opaque {
  readonly typeName = 'kubernetes.Quantity'
  readonly quantity: Quantity
  constructor(quantity: Quantity) {
    super()
    this.quantity = quantity
  }
  equals(other: Opaque): boolean {
    return other instanceof QuantityValue && other.quantity.nano === this.quantity.nano
  }
  override toString(): string {
    return formatQuantity(this.quantity)
  }
}
function quantityOf(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text))
  } catch (err) {
    if (err instanceof QuantityError) throw new CelError(err.message)
    throw err
  }
}
const works =
  (parse: (text: string, lenient: boolean) => unknown) =>
  (text: string, lenient = false) => {
    try {
      parse(text, lenient)
      return true
    } catch (err) {
      if (err instanceof CelError) return false
      throw err
    }
  }
const sign = (value: bigint) => (value > 0n ? 1 : value < 0n ? -1 : 0)
const compareQ = (a: QuantityValue, b: QuantityValue) => sign(a.quantity.nano - b.quantity.nano)
const isInteger = ({ quantity: { nano } }: QuantityValue) =>
  nano % NANO === 0n && nano / NANO <= MAX && nano / NANO >= -MAX - 1n
const plus = ({ quantity }: QuantityValue, nano: bigint) =>
  new QuantityValue({ nano: quantity.nano + nano, format: quantity.format })

class SemverValue extends Opaque {
  readonly typeName = 'kubernetes.Semver'
  readonly numbers: readonly [bigint, bigint, bigint]
  readonly pre: readonly string[]
  readonly build: string
  constructor(numbers: readonly [bigint, bigint, bigint], pre: readonly string[], build: string) {
    super()
    this.numbers = numbers
    this.pre = pre
    this.build = build
  }
  equals(other: Opaque): boolean {
    return other instanceof SemverValue && compareS(this, other) === 0
  }
  override toString(): string {
    return `${this.numbers.join('.')}${this.pre.length ? `-${this.pre.join('.')}` : ''}${this.build ? `+${this.build}` : ''}`
  }
}
const NAMES = ['major', 'minor', 'patch']

function semverOf(text: string, lenient = false): SemverValue {
  let version = text
  if (lenient) {
    version = version.trim().replace(/^v/, '')
    const [core = '', ...suffix] = version.split(/(?=[-+])/)
    const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''))
    while (parts.length < 3 && suffix.length === 0) parts.push('0')
    version = parts.join('.') + suffix.join('')
  }
  if (version === '') throw new CelError('Version string empty')
  const parts = splitN(version, '.', 3)
  if (parts.length !== 3) throw new CelError('No Major.Minor.Patch elements found')
  const [, patch = '', , pre, , build = ''] = /^([^-+]*)(-([^+]*))?(\+(.*))?$/s.exec(parts[2]!) ?? []
  const numbers = [parts[0]!, parts[1]!, patch].map((part, i) => {
    if (!/^\d+$/.test(part))
      throw new CelError(`Invalid character(s) found in ${NAMES[i]} number ${JSON.stringify(part)}`)
    if (part.length > 1 && part.startsWith('0')) {
      throw new CelError(
        `${NAMES[i]![0]!.toUpperCase()}${NAMES[i]!.slice(1)} number must not contain leading zeroes ${JSON.stringify(part)}`,
      )
    }
    return BigInt(part)
  }) as [bigint, bigint, bigint]
  const identifiers = pre === undefined ? [] : pre.split('.')
  for (const item of identifiers) {
    if (item === '') throw new CelError('Prerelease is empty')
    if (/^0\d+$/.test(item)) {
      throw new CelError(`Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(item)}`)
    }
    if (!/^[0-9A-Za-z-]+$/.test(item))
      throw new CelError(`Invalid character(s) found in prerelease ${JSON.stringify(item)}`)
  }
  if (build && !/^[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*$/.test(build)) {
    throw new CelError(`Invalid character(s) found in build meta data ${JSON.stringify(build)}`)
  }
  return new SemverValue(numbers, identifiers, build)
}
function splitN(text: string, by: string, count: number): string[] {
  const parts = text.split(by)
  return parts.length <= count ? parts : [...parts.slice(0, count - 1), parts.slice(count - 1).join(by)]
}

function compareS(a: SemverValue, b: SemverValue): number {
  for (let i = 0; i < 3; i++) {
    const order = sign(a.numbers[i]! - b.numbers[i]!)
    if (order !== 0) return order
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length)
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const [left, right] = [a.pre[i]!, b.pre[i]!]
    if (left === right) continue
    const [leftNumber, rightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
    if (leftNumber && rightNumber) return sign(BigInt(left) - BigInt(right))
    return leftNumber !== rightNumber ? (leftNumber ? -1 : 1) : left < right ? -1 : 1
  }
  return Math.sign(a.pre.length - b.pre.length)
}

export const versionsLibrary: Library = {
  quantity: [overload('(string) Quantity', quantityOf)],
  isQuantity: [overload('(string) bool', works(quantityOf))],
  sign: [overload('(Quantity) int', ({ quantity }: QuantityValue) => sign(quantity.nano))],
  asInteger: [
    overload('Quantity.() int', (value: QuantityValue) => {
      if (!isInteger(value)) throw new CelError('cannot convert value to integer')
      return toInt(value.quantity.nano / NANO)
    }),
  ],
  isInteger: [overload('Quantity.() bool', isInteger)],
  asApproximateFloat: [
    overload('Quantity.() double', ({ quantity }: QuantityValue) => new Double(Number(quantity.nano) / 1e9)),
  ],
  add: [
    overload('Quantity.(Quantity) Quantity', (a: QuantityValue, b: QuantityValue) => plus(a, b.quantity.nano)),
    overload('Quantity.(int) Quantity', (a: QuantityValue, b: number | bigint) => plus(a, BigInt(b) * NANO)),
  ],
  sub: [
    overload('Quantity.(Quantity) Quantity', (a: QuantityValue, b: QuantityValue) => plus(a, -b.quantity.nano)),
    overload('Quantity.(int) Quantity', (a: QuantityValue, b: number | bigint) => plus(a, -BigInt(b) * NANO)),
  ],
  semver: [overload('(string) Semver', semverOf), overload('(string, bool) Semver', semverOf)],
  isSemver: [overload('(string) bool', works(semverOf)), overload('(string, bool) bool', works(semverOf))],
  major: [overload('Semver.() int', ({ numbers }: SemverValue) => toInt(numbers[0]))],
  minor: [overload('Semver.() int', ({ numbers }: SemverValue) => toInt(numbers[1]))],
  patch: [overload('Semver.() int', ({ numbers }: SemverValue) => toInt(numbers[2]))],
  isGreaterThan: [
    overload('Quantity.(Quantity) bool', (a: QuantityValue, b: QuantityValue) => compareQ(a, b) > 0),
    overload('Semver.(Semver) bool', (a: SemverValue, b: SemverValue) => compareS(a, b) > 0),
  ],
  isLessThan: [
    overload('Quantity.(Quantity) bool', (a: QuantityValue, b: QuantityValue) => compareQ(a, b) < 0),
    overload('Semver.(Semver) bool', (a: SemverValue, b: SemverValue) => compareS(a, b) < 0),
  ],
  compareTo: [overload('Quantity.(Quantity) int', compareQ), overload('Semver.(Semver) int', compareS)],
}
