// NaCl's secretbox (XSalsa20 and Poly1305), which Node's crypto does not have: for databases and configurations that were made for
// it. Meant for small values; AES-GCM is what Skiff uses by itself.
import { timingSafeEqual } from 'node:crypto'

export const NONCE_BYTES = 24
const TAG_BYTES = 16
const BLOCK_BYTES = 64
/** "expand 32-byte k" */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
const MASK_130 = (1n << 130n) - 1n
const PRIME = (1n << 130n) - 5n
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn

/** The tag, then the encrypted bytes. */
export function sealBox(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Buffer {
  const { macKey, stream } = keyStream(key, nonce, plain.byteLength)
  const sealed = Buffer.alloc(TAG_BYTES + plain.byteLength)
  for (let i = 0; i < plain.byteLength; i++) sealed[TAG_BYTES + i] = plain[i]! ^ stream[i]!
  sealed.set(poly1305(macKey, sealed.subarray(TAG_BYTES)), 0)
  return sealed
}

/** Undefined when key, nonce or bytes are not those of the seal. */
export function openBox(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.byteLength < TAG_BYTES) return undefined
  const body = sealed.subarray(TAG_BYTES)
  const { macKey, stream } = keyStream(key, nonce, body.byteLength)
  if (!timingSafeEqual(poly1305(macKey, body), sealed.subarray(0, TAG_BYTES))) return undefined
  const plain = Buffer.alloc(body.byteLength)
  for (let i = 0; i < body.byteLength; i++) plain[i] = body[i]! ^ stream[i]!
  return plain
}

/** The first 32 bytes of the stream are the authenticator's key, what follows hides the message. */
function keyStream(key: Uint8Array, nonce: Uint8Array, sizeBytes: number) {
  const subkey = hsalsa20(words(key), words(nonce.subarray(0, 16)))
  const tail = words(nonce.subarray(16))
  const whole = Buffer.alloc(Math.ceil((32 + sizeBytes) / BLOCK_BYTES) * BLOCK_BYTES)
  for (let block = 0; block * BLOCK_BYTES < whole.length; block++) {
    const input = matrix(subkey, [tail[0]!, tail[1]!, block >>> 0, Math.floor(block / 2 ** 32)])
    const mixed = rounds(input)
    for (let i = 0; i < 16; i++) whole.writeUInt32LE((mixed[i]! + input[i]!) >>> 0, block * BLOCK_BYTES + i * 4)
  }
  return { macKey: whole.subarray(0, 32), stream: whole.subarray(32) }
}

function hsalsa20(key: readonly number[], nonce: readonly number[]): number[] {
  const mixed = rounds(matrix(key, nonce))
  return [0, 5, 10, 15, 6, 7, 8, 9].map((i) => mixed[i]!)
}

const matrix = (key: readonly number[], input: readonly number[]): number[] => [
  SIGMA[0]!,
  ...key.slice(0, 4),
  SIGMA[1]!,
  ...input,
  SIGMA[2]!,
  ...key.slice(4),
  SIGMA[3]!,
]

/** Each quarter round's four places: columns, then rows. */
const QUARTERS = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const

function rounds(input: readonly number[]): Uint32Array {
  const x = Uint32Array.from(input)
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of QUARTERS) {
      x[b]! ^= rotated(x[a]! + x[d]!, 7)
      x[c]! ^= rotated(x[b]! + x[a]!, 9)
      x[d]! ^= rotated(x[c]! + x[b]!, 13)
      x[a]! ^= rotated(x[d]! + x[c]!, 18)
    }
  }
  return x
}

const rotated = (sum: number, by: number) => ((sum | 0) << by) | ((sum | 0) >>> (32 - by))

function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getUint32(i * 4, true))
}

function poly1305(key: Uint8Array, message: Uint8Array): Buffer {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP
  const s = littleEndian(key.subarray(16, 32))
  let sum = 0n
  for (let at = 0; at < message.byteLength; at += 16) {
    const block = message.subarray(at, at + 16)
    sum = ((sum + littleEndian(block) + (1n << BigInt(8 * block.byteLength))) * r) % PRIME
  }
  const tag = ((sum & MASK_130) + s) & ((1n << 128n) - 1n)
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse()
}

const littleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`)
