// IP addresses and CIDRs. k8s: strict: no leading zeros, no zones, no IPv4 mapped into IPv6.
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import { CIDR, IP } from '../types.ts'
import { Opaque } from '../values.ts'

export class IpValue extends Opaque {
  readonly typeName = nameOf(IP)
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    super()
    this.bytes = bytes
  }
  equals(other: Opaque): boolean {
    return other instanceof IpValue && Buffer.compare(this.bytes, other.bytes) === 0
  }
  override get size(): number {
    return this.bytes.length
  }
  override toString(): string {
    return formatIp(this.bytes)
  }
}
export class CidrValue extends Opaque {
  readonly typeName = nameOf(CIDR)
  readonly bytes: Uint8Array
  readonly prefix: number
  constructor(bytes: Uint8Array, prefix: number) {
    super()
    this.bytes = bytes
    this.prefix = prefix
  }
  equals(other: Opaque): boolean {
    return other instanceof CidrValue && this.prefix === other.prefix && Buffer.compare(this.bytes, other.bytes) === 0
  }
  override get size(): number {
    return this.bytes.length
  }
  override toString(): string {
    return `${formatIp(this.bytes)}/${this.prefix}`
  }
}
function nameOf(type: { kind: string }): string {
  return (type as { name?: string }).name ?? type.kind
}

/** Bytes, or what is wrong. */
function parseIp(text: string): Uint8Array | string {
  const bad = (why: string, at?: string) =>
    `ParseAddr(${JSON.stringify(text)}): ${why}${at === undefined ? '' : ` (at ${JSON.stringify(at)})`}`
  if (text.length > 100) return bad('unable to parse IP')
  for (const c of text) {
    if (c === '.') return parseIpv4(text, bad)
    if (c === ':') return parseIpv6(text, bad)
    if (c === '%') return bad('missing IPv6 address')
  }
  return bad('unable to parse IP')
}
type Bad = (why: string, at?: string) => string

function parseIpv4(text: string, bad: Bad): Uint8Array | string {
  const parts = text.split('.')
  const bytes: number[] = []
  for (const part of parts) {
    if (part === '') return bad('IPv4 field must have at least one digit', undefined)
    if (!/^\d+$/.test(part)) return bad('unexpected character', part.replace(/^\d+/, ''))
    if (part.length > 1 && part.startsWith('0')) return bad('IPv4 field has octet with leading zero')
    if (Number(part) > 255) return bad('IPv4 field has value >255')
    bytes.push(Number(part))
  }
  if (bytes.length < 4) return bad('IPv4 address too short')
  return bytes.length > 4 ? bad('IPv4 address too long') : Uint8Array.from(bytes)
}

function parseIpv6(text: string, bad: Bad): Uint8Array | string {
  const zone = text.indexOf('%')
  const body = zone < 0 ? text : text.slice(0, zone)
  if (zone >= 0 && zone === text.length - 1) return bad('zone must be a non-empty string')
  const halves = body.split('::')
  if (halves.length > 2) return bad('multiple :: in address', body.slice(body.lastIndexOf('::')))
  const groups: number[][] = []
  for (const [h, half] of halves.entries()) {
    const list: number[] = []
    const fields = half === '' ? [] : half.split(':')
    for (const [i, field] of fields.entries()) {
      const last = h === halves.length - 1 && i === fields.length - 1
      if (last && field.includes('.')) {
        const v4 = parseIpv4(field, bad)
        if (typeof v4 === 'string') return v4
        list.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!)
      } else if (field === '') return bad('each colon-separated field must have at least one digit', half.slice(0))
      else if (!/^[0-9a-fA-F]+$/.test(field)) return bad('unexpected character', field.replace(/^[0-9a-fA-F]+/, ''))
      else if (field.length > 4) return bad('each group must have 4 or less digits', field)
      else list.push(Number.parseInt(field, 16))
    }
    groups.push(list)
  }
  const [left = [], right] = groups
  const count = left.length + (right?.length ?? 0)
  if (right === undefined && count < 8) return bad('address string too short')
  if (count > 8 || (right !== undefined && count > 7)) return bad('trailing garbage after address')
  const words = right === undefined ? left : [...left, ...Array<number>(8 - count).fill(0), ...right]
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]))
}

function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  let [best, length] = [-1, 1]
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && words[end] === 0) end++
    if (end - i > length) [best, length] = [i, end - i]
  }
  const hex = (part: number[]) => part.map((word) => word.toString(16)).join(':')
  return best < 0 ? hex(words) : `${hex(words.slice(0, best))}::${hex(words.slice(best + length))}`
}

const isMapped = (bytes: Uint8Array) =>
  bytes.length === 16 && bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255

function ipOf(text: string): IpValue {
  const bytes = parseIp(text)
  if (typeof bytes === 'string') {
    throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string: ${bytes}`)
  }
  if (text.includes('%')) throw new CelError(`IP address ${JSON.stringify(text)} with zone value is not allowed`)
  if (isMapped(bytes)) throw new CelError(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`)
  return new IpValue(bytes)
}

function cidrOf(text: string): CidrValue {
  const bad = (why: string) =>
    new CelError(
      `network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): ${why}`,
    )
  const slash = text.lastIndexOf('/')
  if (slash < 0) throw bad("no '/'")
  const bytes = parseIp(text.slice(0, slash))
  if (typeof bytes === 'string') throw bad(bytes)
  if (text.includes('%')) throw bad('IPv6 zones cannot be present in a prefix')
  const bits = text.slice(slash + 1)
  if (!/^(0|[1-9]\d{0,2})$/.test(bits)) throw bad(`bad bits after slash: ${JSON.stringify(bits)}`)
  if (Number(bits) > bytes.length * 8) throw bad('prefix length out of range')
  if (isMapped(bytes)) throw new CelError(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`)
  return new CidrValue(bytes, Number(bits))
}

function masked(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, prefix - i * 8))) & 255)
}
const contains = ({ bytes, prefix }: CidrValue, other: Uint8Array) =>
  bytes.length === other.length && Buffer.compare(masked(bytes, prefix), masked(other, prefix)) === 0

const works = (parse: (text: string) => unknown) => (text: string) => {
  try {
    parse(text)
    return true
  } catch (err) {
    if (err instanceof CelError) return false
    throw err
  }
}
const isV4 = (bytes: Uint8Array) => bytes.length === 4
const isLoopback = ({ bytes }: IpValue) =>
  isV4(bytes) ? bytes[0] === 127 : bytes.every((b, i) => b === (i === 15 ? 1 : 0))
const isMulticast = (bytes: Uint8Array) => (isV4(bytes) ? (bytes[0]! & 0xf0) === 0xe0 : bytes[0] === 0xff)
const isUnspecified = ({ bytes }: IpValue) => bytes.every((b) => b === 0)
const isLocalUnicast = ({ bytes }: IpValue) =>
  isV4(bytes) ? bytes[0] === 169 && bytes[1] === 254 : bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80
const isLocalMulticast = ({ bytes }: IpValue) =>
  isV4(bytes) ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0 : bytes[0] === 0xff && (bytes[1]! & 15) === 2
const isGlobal = (ip: IpValue) =>
  !(isUnspecified(ip) || isLoopback(ip) || isMulticast(ip.bytes) || isLocalUnicast(ip)) &&
  !(isV4(ip.bytes) && ip.bytes.every((b) => b === 255))

export const netLibrary: Library = {
  ip: [overload('(string) IP', ipOf), overload('CIDR.() IP', ({ bytes }: CidrValue) => new IpValue(bytes))],
  isIP: [overload('(string) bool', works(ipOf))],
  'ip.isCanonical': [overload('(string) bool', (text: string) => String(ipOf(text)) === text)],
  family: [overload('IP.() int', ({ bytes }: IpValue) => (isV4(bytes) ? 4 : 6))],
  isUnspecified: [overload('IP.() bool', isUnspecified)],
  isLoopback: [overload('IP.() bool', isLoopback)],
  isLinkLocalMulticast: [overload('IP.() bool', isLocalMulticast)],
  isLinkLocalUnicast: [overload('IP.() bool', isLocalUnicast)],
  isGlobalUnicast: [overload('IP.() bool', isGlobal)],
  cidr: [overload('(string) CIDR', cidrOf)],
  isCIDR: [overload('(string) bool', works(cidrOf))],
  containsIP: [
    overload('CIDR.(string) bool', (cidr: CidrValue, text: string) => contains(cidr, ipOf(text).bytes)),
    overload('CIDR.(IP) bool', (cidr: CidrValue, ip: IpValue) => contains(cidr, ip.bytes)),
  ],
  containsCIDR: [
    overload('CIDR.(string) bool', (cidr: CidrValue, text: string) => {
      const other = cidrOf(text)
      return other.prefix >= cidr.prefix && contains(cidr, other.bytes)
    }),
    overload(
      'CIDR.(CIDR) bool',
      (cidr: CidrValue, other: CidrValue) => other.prefix >= cidr.prefix && contains(cidr, other.bytes),
    ),
  ],
  prefixLength: [overload('CIDR.() int', ({ prefix }: CidrValue) => prefix)],
  masked: [overload('CIDR.() CIDR', ({ bytes, prefix }: CidrValue) => new CidrValue(masked(bytes, prefix), prefix))],
  string: [overload('(IP) string', String), overload('(CIDR) string', String)],
}
