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
