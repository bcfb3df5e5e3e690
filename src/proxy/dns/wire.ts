// DNS messages: their words, and reading queries and upstream responses (message-writer.ts writes). Everything that is read is bounded
// (names, pointers, counts); malformed input gives `undefined`, never an exception. Names are lower-case text without the final dot; a
// dot or backslash inside a label is escaped. The question's own bytes are kept, to be echoed in the spelling in which it was asked.
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
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const

export const HEADER_BYTES = 12
const MAX_NAME_BYTES = 255
const MAX_POINTERS = 32
export const PLAIN_UDP_BYTES = 512

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
