// Protobuf's wire format and nothing else: a writer that grows one buffer and patches lengths in afterwards, and a reader with bounds.
// Which field means what is the caller's business.

const START_BYTES = 1024

/** Fields are written in the order of the calls. Zero values are written: leaving them out is the caller's decision. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(START_BYTES)
  #length = 0

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }

  /** An unsigned varint of up to 53 bits. */
  #raw(value: number): void {
    this.#reserve(10)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  #tag(number: number, wireType: 0 | 1 | 2 | 5): void {
    this.#raw(number * 8 + wireType)
  }

  varint(number: number, value: number): void {
    this.#tag(number, 0)
    if (value >= 0) {
      this.#raw(value)
      return
    }
    // negative numbers take ten bytes: two's complement in 64 bits
    let rest = BigInt.asUintN(64, BigInt(value))
    this.#reserve(10)
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  bool(number: number, value: boolean): void {
    this.#tag(number, 0)
    this.#raw(value ? 1 : 0)
  }

  double(number: number, value: number): void {
    this.#tag(number, 1)
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  string(number: number, value: string): void {
    this.#tag(number, 2)
    const bytes = Buffer.byteLength(value)
    this.#raw(bytes)
    this.#reserve(bytes)
    this.#length += this.#bytes.write(value, this.#length)
  }

  bytes(number: number, value: Uint8Array): void {
    this.#tag(number, 2)
    this.#raw(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** A nested message: whatever `fill` writes. */
  message(number: number, fill: () => void): void {
    this.#tag(number, 2)
    const at = this.#length
    this.#reserve(1)
    this.#length++
    fill()
    const size = this.#length - at - 1
    // room for one byte of length was left: most messages are small, others are moved
    let extra = 0
    for (let rest = size; rest >= 0x80; rest = Math.floor(rest / 0x80)) extra++
    if (extra > 0) {
      this.#reserve(extra)
      this.#bytes.copyWithin(at + 1 + extra, at + 1, this.#length)
    }
    let rest = size
    for (let i = at; i <= at + extra; i++) {
      this.#bytes[i] = rest >= 0x80 ? (rest % 0x80) | 0x80 : rest
      rest = Math.floor(rest / 0x80)
    }
    this.#length = at + 1 + extra + size
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

/** What is no protobuf message: cut off, overlong, or with impossible lengths. */
export class ProtobufError extends Error {
  override name = 'ProtobufError'
}

/** Reads a message field by field: `next()`, then the value by its wire type or `skip()`. Never reads beyond its end. */
export class ProtobufReader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number
  number = 0
  wireType = 0

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
    this.#end = end
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const tag = this.unsigned()
    this.number = Math.floor(tag / 8)
    this.wireType = tag % 8
    if (this.number < 1) throw new ProtobufError('illegal tag 0')
    return true
  }

  /** A varint; beyond 53 bits only the nearest number. */
  unsigned(): number {
    let value = 0
    for (let shift = 1, n = 0; n < 10; shift *= 128, n++) {
      if (this.#at >= this.#end) throw new ProtobufError('unexpected EOF')
      const byte = this.#bytes[this.#at++]!
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
    throw new ProtobufError('integer overflow')
  }

  /** A varint in two's complement of 64 bits. */
  signed(): number {
    const start = this.#at
    const value = this.unsigned()
    if (value < 2 ** 53) return value
    let exact = 0n
    for (let at = start, shift = 0n; at < this.#at; at++, shift += 7n) {
      exact |= BigInt(this.#bytes[at]! & 0x7f) << shift
    }
    return Number(BigInt.asIntN(64, exact))
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new ProtobufError('unexpected EOF')
    const value = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  /** A view of the value's bytes, not a copy. */
  bytes(): Buffer {
    const length = this.unsigned()
    if (length > this.#end - this.#at) throw new ProtobufError('unexpected EOF')
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  string(): string {
    return this.bytes().toString('utf8')
  }

  /** The nested message that stands here. */
  message(): ProtobufReader {
    const length = this.unsigned()
    if (length > this.#end - this.#at) throw new ProtobufError('unexpected EOF')
    const start = this.#at
    this.#at += length
    return new ProtobufReader(this.#bytes, start, this.#at)
  }

  /** @throws ProtobufError when the field is not of the wire type that its schema says. */
  expect(wireType: number): void {
    if (this.wireType !== wireType) {
      throw new ProtobufError(`wrong wireType = ${this.wireType} for field number ${this.number}`)
    }
  }

  skip(): void {
    if (this.wireType === 0) this.unsigned()
    else if (this.wireType === 1) this.#jump(8)
    else if (this.wireType === 2) this.bytes()
    else if (this.wireType === 5) this.#jump(4)
    else throw new ProtobufError(`illegal wireType ${this.wireType}`) // groups are not used
  }

  #jump(bytes: number): void {
    if (this.#at + bytes > this.#end) throw new ProtobufError('unexpected EOF')
    this.#at += bytes
  }
}
