// DNS messages: writing queries to upstreams and answers to clients. Names are compressed against what stands in the message already;
// nothing is written beyond the limit, and what doesn't fit is announced.
import { ipBytes } from './ip.ts'
import {
  CLASS_IN,
  type DnsRecord,
  FLAG,
  HEADER_BYTES,
  PLAIN_UDP_BYTES,
  type Query,
  type RecordData,
  TYPE,
} from './wire.ts'

const MAX_MESSAGE_BYTES = 65_535
/** What we take over UDP, and the most that we send: larger datagrams may be fragmented and lost. */
const EDNS_BYTES = 1232

/** The same question, alone, in our own words: what goes to an upstream. */
export function encodeQuery(
  id: number,
  question: Buffer,
  options: { checkingDisabled: boolean; edns: boolean; dnssecOk: boolean },
): Buffer {
  const writer = new Writer(MAX_MESSAGE_BYTES)
  const flags = FLAG.RD | (options.checkingDisabled ? FLAG.CD : 0)
  writer.header(id, flags, [1, 0, 0, options.edns ? 1 : 0])
  writer.bytes(question)
  if (options.edns) writer.edns(options.dnssecOk)
  return writer.done()
}

export interface Reply {
  readonly rcode: number
  readonly authoritative: boolean
  readonly answers: readonly DnsRecord[]
  readonly authority?: readonly DnsRecord[]
  readonly additional?: readonly DnsRecord[]
}

/** How large a reply to this query may be. */
export const replyLimit = (query: Query, overUdp: boolean) =>
  overUdp ? Math.min(query.edns?.udpBytes ?? PLAIN_UDP_BYTES, EDNS_BYTES) : MAX_MESSAGE_BYTES

/** Writes as much as fits. Answers that don't fit are announced with TC; additional records are just left out. */
export function encodeReply(query: Query, reply: Reply, limitBytes: number): Buffer {
  const ednsBytes = query.edns ? 11 : 0
  const writer = new Writer(limitBytes - ednsBytes)
  const { question } = query
  writer.header(0, 0, [0, 0, 0, 0])
  writer.bytes(question.bytes)
  writer.know(question.name, HEADER_BYTES)
  const answers = writer.records(reply.answers)
  const truncated = answers < reply.answers.length
  const authority = truncated ? 0 : writer.records(reply.authority ?? [])
  const additional = truncated ? 0 : writer.records(reply.additional ?? [])
  writer.limitBytes += ednsBytes
  if (query.edns) writer.edns(query.edns.dnssecOk, reply.rcode)
  const flags =
    FLAG.QR |
    FLAG.RA |
    (query.flags & (FLAG.RD | FLAG.CD)) |
    (reply.authoritative ? FLAG.AA : 0) |
    (truncated ? FLAG.TC : 0) |
    (reply.rcode & 0xf)
  return writer.done(query.id, flags, [1, answers, authority, additional + (query.edns ? 1 : 0)])
}

/** Header and question of a response that is too large for UDP: the client is to ask again over TCP. */
export function truncatedReply(query: Query): Buffer {
  const empty = encodeReply(query, { rcode: 0, authoritative: false, answers: [] }, PLAIN_UDP_BYTES)
  empty.writeUInt16BE(empty.readUInt16BE(2) | FLAG.TC, 2)
  return empty
}

type Counts = readonly [number, number, number, number]
/** Shared by all writers: a message is built without awaiting, and copied out when done. */
const scratch = Buffer.allocUnsafe(MAX_MESSAGE_BYTES + 1)

class Writer {
  limitBytes: number
  #at = 0
  /** Where names and their endings stand already. */
  readonly #offsets = new Map<string, number>()

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  header(id: number, flags: number, counts: Counts): void {
    scratch.writeUInt16BE(id, 0)
    scratch.writeUInt16BE(flags, 2)
    counts.forEach((count, i) => {
      scratch.writeUInt16BE(count, 4 + 2 * i)
    })
    this.#at = HEADER_BYTES
  }

  bytes(data: Uint8Array): void {
    scratch.set(data, this.#at)
    this.#at += data.length
  }

  /** Remembers that `name` stands at this offset. */
  know(name: string, offset: number): void {
    let at = offset
    for (let rest = name; rest !== ''; ) {
      this.#offsets.set(rest, at)
      const [label, tail] = splitName(rest)
      at += unescaped(label).length + 1
      rest = tail
    }
  }

  /** How many of the records fit. */
  records(records: readonly DnsRecord[]): number {
    let written = 0
    for (const record of records) {
      const before = this.#at
      if (this.#record(record)) written++
      else {
        this.#at = before
        // names that were only written beyond the limit can't be pointed to
        for (const [name, offset] of this.#offsets) if (offset >= before) this.#offsets.delete(name)
        break
      }
    }
    return written
  }

  edns(dnssecOk: boolean, rcode = 0): void {
    if (this.#at + 11 > this.limitBytes) return
    // the code's upper bits stand here, its lower four in the header
    this.bytes([
      0,
      0,
      TYPE.OPT,
      EDNS_BYTES >> 8,
      EDNS_BYTES & 0xff,
      rcode >> 4,
      0,
      dnssecOk ? 0x80 : 0,
      0,
      0,
      0,
    ] as never)
  }

  done(id?: number, flags?: number, counts?: Counts): Buffer {
    const length = this.#at
    if (counts) {
      this.header(id!, flags!, counts)
      this.#at = length
    }
    return Buffer.from(scratch.subarray(0, length))
  }

  #record({ name, ttl, data }: DnsRecord): boolean {
    // the longest fixed part of any record is far below this; names are checked one by one
    if (!this.#name(name) || this.#at + 10 > this.limitBytes) return false
    scratch.writeUInt16BE(data.type, this.#at)
    scratch.writeUInt16BE(CLASS_IN, this.#at + 2)
    scratch.writeUInt32BE(ttl, this.#at + 4)
    const lengthAt = this.#at + 8
    this.#at += 10
    if (!this.#data(data)) return false
    scratch.writeUInt16BE(this.#at - lengthAt - 2, lengthAt)
    return this.#at <= this.limitBytes
  }

  #data(data: RecordData): boolean {
    switch (data.type) {
      case TYPE.A:
      case TYPE.AAAA: {
        const bytes = ipBytes(data.address)
        if (!bytes || this.#at + bytes.length > this.limitBytes) return false
        this.bytes(bytes)
        return true
      }
      case TYPE.CNAME:
      case TYPE.PTR:
      case TYPE.NS:
        return this.#name(data.target)
      case TYPE.SRV:
        if (this.#at + 6 > this.limitBytes) return false
        for (const value of [data.priority, data.weight, data.port]) this.#at = scratch.writeUInt16BE(value, this.#at)
        return this.#name(data.target, false)
      case TYPE.TXT: {
        const bytes = Buffer.from(data.text, 'latin1').subarray(0, 255)
        if (this.#at + bytes.length + 1 > this.limitBytes) return false
        scratch[this.#at++] = bytes.length
        this.bytes(bytes)
        return true
      }
      case TYPE.SOA: {
        if (!this.#name(data.primary) || !this.#name(data.mailbox) || this.#at + 20 > this.limitBytes) return false
        for (const value of [data.serial, 7200, 1800, 86_400, data.negativeTtl]) {
          this.#at = scratch.writeUInt32BE(value, this.#at)
        }
        return true
      }
    }
  }

  /** k8s: the target of SRV is never compressed (RFC 2782). */
  #name(name: string, compress = true): boolean {
    for (let rest = name; rest !== ''; ) {
      const known = compress ? this.#offsets.get(rest) : undefined
      if (known !== undefined) {
        if (this.#at + 2 > this.limitBytes) return false
        this.#at = scratch.writeUInt16BE(0xc000 | known, this.#at)
        return true
      }
      const [label, tail] = splitName(rest)
      const bytes = unescaped(label)
      if (bytes.length === 0 || bytes.length > 63 || this.#at + bytes.length + 2 > this.limitBytes) return false
      if (this.#at < 0x3fff && compress) this.#offsets.set(rest, this.#at)
      scratch[this.#at++] = bytes.length
      this.bytes(bytes)
      rest = tail
    }
    if (this.#at + 1 > this.limitBytes) return false
    scratch[this.#at++] = 0
    return true
  }
}

/** The first label and the rest. */
function splitName(name: string): [string, string] {
  let at = name.indexOf('.')
  while (at > 0 && isEscaped(name, at)) at = name.indexOf('.', at + 1)
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)]
}

function isEscaped(name: string, at: number): boolean {
  let backslashes = 0
  while (name[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

const unescaped = (label: string): Buffer =>
  Buffer.from(label.includes('\\') ? label.replace(/\\([.\\])/g, '$1') : label, 'latin1')
