// IPv4 ranges as numbers.

/** `10.96.0.0` → 174063616. */
export function ipToNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}
export function numberToIp(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

/** First and last address of a range, as numbers. */
export function bounds(cidr: string): { first: number; last: number } {
  const [ip, bits] = cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  const first = Math.floor(ipToNumber(ip!) / size) * size
  return { first, last: first + size - 1 }
}

export function overlaps(a: string, b: string): boolean {
  const [x, y] = [bounds(a), bounds(b)]
  return x.first <= y.last && y.first <= x.last
}

/** The n-th address of a range. */
export const nthAddress = (cidr: string, n: number) => numberToIp(bounds(cidr).first + n)
