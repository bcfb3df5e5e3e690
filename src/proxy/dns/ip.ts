// IP addresses as bytes, as names for reverse lookups (10.in-addr.arpa), and as dashed host names (10-244-0-5).
import { BlockList, isIP } from 'node:net'

/** 4 or 16 bytes; undefined when the text is no address. */
export function ipBytes(address: string): Uint8Array | undefined {
  const v4 = ipv4Bytes(address)
  if (v4 || isIP(address) !== 6) return v4
  // an embedded IPv4 ending is two groups
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((n) => n.toString(16)).join(':'),
  )
  const [head = '', tail] = text.split('%')[0]!.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const [left, right] = [groups(head), groups(tail ?? '')]
  const all = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill(0), ...right]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

/** By hand, because every answer goes through here. */
function ipv4Bytes(address: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4)
  let [part, value, digits] = [0, 0, 0]
  for (let i = 0; i <= address.length; i++) {
    const digit = address.charCodeAt(i) - 0x30
    if (digit >= 0 && digit <= 9 && digits < 3) {
      value = value * 10 + digit
      digits++
      continue
    }
    const ended = i === address.length ? part === 3 : address[i] === '.' && part < 3
    if (!ended || digits === 0 || value > 255) return undefined
    bytes[part++] = value
    value = digits = 0
  }
  return bytes
}

/** One spelling for each address. */
export function canonicalIp(address: string): string {
  const bytes = ipBytes(address)
  if (!bytes || bytes.length === 4) return address
  return new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1)
}

/** The address that `5.0.244.10.in-addr.arpa` (or an ip6.arpa name) asks for. */
export function reverseAddress(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const address = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.')
    return isIP(address) === 4 ? address : undefined
  }
  if (!name.endsWith('.ip6.arpa')) return undefined
  const digits = name.slice(0, -'.ip6.arpa'.length).split('.').reverse().join('')
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined
  return canonicalIp(digits.match(/.{4}/g)!.join(':'))
}

/** k8s: the name of an endpoint or pod that has none: its address with dashes. */
export const dashed = (address: string) => address.replace(/[.:]/g, '-')

/** What `10-244-0-5` or `fd00--5` stands for. */
export function undashed(label: string): string | undefined {
  const v4 = label.replaceAll('-', '.')
  if (isIP(v4) === 4) return v4
  const v6 = label.replaceAll('-', ':')
  return isIP(v6) === 6 ? v6 : undefined
}

export type AddressTest = (address: string) => boolean

/** Whether addresses are in any of the networks (`10.96.0.0/12`). */
export function inNetworks(cidrs: readonly string[]): AddressTest {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network = '', bits] = cidr.split('/')
    if (isIP(network)) list.addSubnet(network, Number(bits), isIP(network) === 6 ? 'ipv6' : 'ipv4')
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
