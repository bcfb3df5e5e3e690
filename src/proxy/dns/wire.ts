// DNS messages: reading queries and upstream responses, writing answers. Everything that is read is bounded (names, pointers, counts),
// and malformed input gives `undefined`, never an exception. Names are lower-case text without the final dot; a dot or backslash inside
// a label is escaped. The question's own bytes are kept, so that it can be echoed in the case in which it was asked.
import { ipBytes } from './ip.ts'

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  AXFR: 252,
  ANY: 255,
} as const
export const CLASS_IN = 1
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const

const HEADER_BYTES = 12
const MAX_NAME_BYTES = 255
const MAX_POINTERS = 32
const MAX_MESSAGE_BYTES = 65_535
/** What we take over UDP, and the most that we send: larger datagrams may be fragmented and lost. */
export const EDNS_BYTES = 1232
const PLAIN_UDP_BYTES = 512

export interface Question {
  /** Lower case. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** Name, type and class as they were sent. */
  readonly bytes: Buffer
}

export interface Edns {
  readonly udpBytes: number
  readonly version: number
  readonly dnssecOk: boolean
}

export interface Query {
  readonly id: number
  readonly flags: number
  readonly question: Question
  readonly edns: Edns | undefined
}

export type RecordData =
  | { readonly type: typeof TYPE.A | typeof TYPE.AAAA; readonly address: string }
  | { readonly type: typeof TYPE.CNAME | typeof TYPE.PTR | typeof TYPE.NS; readonly target: string }
  | {
      readonly type: typeof TYPE.SRV
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | { readonly type: typeof TYPE.TXT; readonly text: string }
  | {
      readonly type: typeof TYPE.SOA
      readonly primary: string
      readonly mailbox: string
      readonly serial: number
      readonly negativeTtl: number
    }

export interface DnsRecord {
  readonly name: string
  readonly ttl: number
  readonly data: RecordData
}

/** What a message was, when it can't be answered as a query. */
export type ParsedQuery = { ok: true; query: Query } | { ok: false; reply: Buffer | undefined }

/** A query, or the reply that its sender deserves (undefined: none at all). */
export function parseQuery(message: Buffer): ParsedQuery {
  if (message.length < HEADER_BYTES) return { ok: false, reply: undefined }
  const flags = message.readUInt16BE(2)
  if (flags & FLAG.QR) return { ok: false, reply: undefined } // answering answers would make loops
  const refuse = (rcode: number) => ({ ok: false as const, reply: errorReply(message, rcode) })
  if ((flags >> 11) & 0xf) return refuse(RCODE.NOTIMP)
  const question = message.readUInt16BE(4) === 1 ? readQuestion(message, HEADER_BYTES) : undefined
  if (!question) return refuse(RCODE.FORMERR)
  let at = HEADER_BYTES + question.bytes.length
  let edns: Edns | undefined
  const count = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  for (let i = 0; i < count; i++) {
    const record = readRecord(message, at)
    if (!record || (record.type === TYPE.OPT && edns)) return refuse(RCODE.FORMERR)
    if (record.type === TYPE.OPT) edns = ednsOf(record)
    at = record.end
  }
  return { ok: true, query: { id: message.readUInt16BE(0), flags, question, edns } }
}

/** Only a header that says no. */
function errorReply(message: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(HEADER_BYTES)
  reply.writeUInt16BE(message.readUInt16BE(0), 0)
  const kept = message.readUInt16BE(2) & (0x7800 | FLAG.RD)
  reply.writeUInt16BE(FLAG.QR | kept | rcode, 2)
  return reply
}

function readQuestion(message: Buffer, at: number): Question | undefined {
  const name = readName(message, at)
  if (!name || name.end + 4 > message.length) return undefined
  return {
    name: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
    bytes: message.subarray(at, name.end + 4),
  }
}

interface RawRecord {
  name: string
  type: number
  class: number
  ttl: number
  ttlAt: number
  dataAt: number
  end: number
}

function readRecord(message: Buffer, at: number): RawRecord | undefined {
  const name = readName(message, at)
  if (!name || name.end + 10 > message.length) return undefined
  const dataAt = name.end + 10
  const end = dataAt + message.readUInt16BE(name.end + 8)
  if (end > message.length) return undefined
  return {
    name: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
    ttl: message.readUInt32BE(name.end + 4),
    ttlAt: name.end + 4,
    dataAt,
    end,
  }
}

const ednsOf = (record: RawRecord): Edns => ({
  udpBytes: Math.max(record.class, PLAIN_UDP_BYTES),
  version: (record.ttl >> 16) & 0xff,
  dnssecOk: (record.ttl & 0x8000) !== 0,
})

/** `end` is behind the name where it stands, not where its pointers lead. */
export function readName(message: Buffer, start: number): { text: string; end: number } | undefined {
  let text = ''
  let at = start
  let end = -1
  let bytes = 1
  for (let pointers = 0; ; ) {
    const length = message[at]
    if (length === undefined) return undefined
    if (length === 0) return { text, end: end < 0 ? at + 1 : end }
    if (length >= 0xc0) {
      const low = message[at + 1]
      if (low === undefined || ++pointers > MAX_POINTERS) return undefined
      if (end < 0) end = at + 2
      const target = ((length & 0x3f) << 8) | low
      if (target >= at) return undefined // pointers only lead backwards
      at = target
      continue
    }
    bytes += length + 1
    if (length > 63 || bytes > MAX_NAME_BYTES || at + 1 + length > message.length) return undefined
    if (text) text += '.'
    for (let i = at + 1; i <= at + length; i++) {
      const byte = message[i]!
      if (byte === 0x2e || byte === 0x5c) text += '\\'
      text += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte)
    }
    at += length + 1
  }
}

/** An upstream's response, as far as forwarding and caching need to understand it. */
export interface Response {
  readonly id: number
  readonly flags: number
  readonly rcode: number
  readonly question: Question
  /** Where the time-to-live of each record stands, OPT left out. */
  readonly ttlOffsets: readonly number[]
  /** The shortest time-to-live of the answer section. */
  readonly answerTtl: number | undefined
  /** How long the absence may be remembered, from the SOA of the authority section. */
  readonly negativeTtl: number | undefined
  /** The A, AAAA and CNAME records of the answer section. */
  readonly addresses: readonly DnsRecord[]
}

export function parseResponse(message: Buffer): Response | undefined {
  if (message.length < HEADER_BYTES) return undefined
  const flags = message.readUInt16BE(2)
  if (!(flags & FLAG.QR) || message.readUInt16BE(4) !== 1) return undefined
  const question = readQuestion(message, HEADER_BYTES)
  if (!question) return undefined
  const ttlOffsets: number[] = []
  const addresses: DnsRecord[] = []
  let answerTtl: number | undefined
  let negativeTtl: number | undefined
  let at = HEADER_BYTES + question.bytes.length
  const answers = message.readUInt16BE(6)
  const authorities = message.readUInt16BE(8)
  const count = answers + authorities + message.readUInt16BE(10)
  for (let i = 0; i < count; i++) {
    const record = readRecord(message, at)
    if (!record) return undefined
    at = record.end
    if (record.type === TYPE.OPT) continue
    ttlOffsets.push(record.ttlAt)
    if (i < answers) {
      answerTtl = Math.min(answerTtl ?? record.ttl, record.ttl)
      const data = addressData(message, record)
      if (data) addresses.push({ name: record.name, ttl: record.ttl, data })
    } else if (i < answers + authorities && record.type === TYPE.SOA && record.end - record.dataAt >= 20) {
      negativeTtl = Math.min(record.ttl, message.readUInt32BE(record.end - 4))
    }
  }
  const id = message.readUInt16BE(0)
  return { id, flags, rcode: flags & 0xf, question, ttlOffsets, answerTtl, negativeTtl, addresses }
}

function addressData(message: Buffer, record: RawRecord): RecordData | undefined {
  const data = message.subarray(record.dataAt, record.end)
  if (record.type === TYPE.A && data.length === 4) return { type: TYPE.A, address: [...data].join('.') }
  if (record.type === TYPE.AAAA && data.length === 16) {
    const groups = Array.from({ length: 8 }, (_, i) => data.readUInt16BE(2 * i).toString(16))
    return { type: TYPE.AAAA, address: groups.join(':') }
  }
  if (record.type !== TYPE.CNAME) return undefined
  const target = readName(message, record.dataAt)
  return target && { type: TYPE.CNAME, target: target.text }
}

/** A copy with another id and question spelling, every time-to-live as the function says. */
export function rewritten(
  message: Buffer,
  id: number,
  question: Buffer,
  ttlOffsets: readonly number[],
  ttlOf: (ttl: number) => number,
): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(id, 0)
  question.copy(copy, HEADER_BYTES)
  for (const at of ttlOffsets) copy.writeUInt32BE(ttlOf(message.readUInt32BE(at)), at)
  return copy
}

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
  if (query.edns) writer.edns(query.edns.dnssecOk)
  const flags =
    FLAG.QR |
    FLAG.RA |
    (query.flags & (FLAG.RD | FLAG.CD)) |
    (reply.authoritative ? FLAG.AA : 0) |
    (truncated ? FLAG.TC : 0) |
    reply.rcode
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

  edns(dnssecOk: boolean): void {
    if (this.#at + 11 > this.limitBytes) return
    this.bytes([0, 0, TYPE.OPT, EDNS_BYTES >> 8, EDNS_BYTES & 0xff, 0, 0, dnssecOk ? 0x80 : 0, 0, 0, 0] as never)
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
