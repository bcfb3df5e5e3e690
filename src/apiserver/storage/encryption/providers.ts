// The ways to encrypt a stored value, byte for byte as the standard's: `k8s:enc:<provider>:v1:<key name>:` and what the cipher
// made. AES-GCM binds the value to the key it is stored under, so that a value moved to another object does not open.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { NONCE_BYTES, openBox, sealBox } from './secretbox.ts'

export type ProviderName = 'aesgcm' | 'aescbc' | 'secretbox'

export interface NamedKey {
  readonly name: string
  readonly secret: Uint8Array
}

/** One key with its cipher. */
export interface Provider {
  /** What every value that it sealed begins with. */
  readonly prefix: string
  /** @param at the key in the database */
  seal(at: string, plain: Uint8Array): Uint8Array
  /** @throws when the value is not its own */
  open(at: string, sealed: Uint8Array): Uint8Array
}

export const SEALED_MARK = 'k8s:enc:'

interface Cipher {
  seal(secret: Uint8Array, at: string, plain: Uint8Array): readonly Uint8Array[]
  open(secret: Uint8Array, at: string, body: Uint8Array): Uint8Array
}

const GCM_NONCE_BYTES = 12
const GCM_TAG_BYTES = 16
const CBC_BLOCK_BYTES = 16

const gcmName = (secret: Uint8Array) => `aes-${(secret.byteLength * 8) as 128 | 192 | 256}-gcm` as const
const cbcName = (secret: Uint8Array) => `aes-${secret.byteLength * 8}-cbc`

const ciphers: Readonly<Record<ProviderName, Cipher>> = {
  aesgcm: {
    seal(secret, at, plain) {
      const nonce = randomBytes(GCM_NONCE_BYTES)
      const cipher = createCipheriv(gcmName(secret), secret, nonce, { authTagLength: GCM_TAG_BYTES })
      cipher.setAAD(Buffer.from(at))
      return [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]
    },
    open(secret, at, body) {
      const nonce = body.subarray(0, GCM_NONCE_BYTES)
      const cipher = createDecipheriv(gcmName(secret), secret, nonce, { authTagLength: GCM_TAG_BYTES })
      cipher.setAAD(Buffer.from(at))
      cipher.setAuthTag(body.subarray(-GCM_TAG_BYTES))
      return Buffer.concat([cipher.update(body.subarray(GCM_NONCE_BYTES, -GCM_TAG_BYTES)), cipher.final()])
    },
  },
  aescbc: {
    seal(secret, _at, plain) {
      const iv = randomBytes(CBC_BLOCK_BYTES)
      const cipher = createCipheriv(cbcName(secret), secret, iv)
      return [iv, cipher.update(plain), cipher.final()]
    },
    open(secret, _at, body) {
      const cipher = createDecipheriv(cbcName(secret), secret, body.subarray(0, CBC_BLOCK_BYTES))
      return Buffer.concat([cipher.update(body.subarray(CBC_BLOCK_BYTES)), cipher.final()])
    },
  },
  secretbox: {
    seal(secret, _at, plain) {
      const nonce = randomBytes(NONCE_BYTES)
      return [nonce, sealBox(secret, nonce, plain)]
    },
    open(secret, _at, body) {
      const plain = openBox(secret, body.subarray(0, NONCE_BYTES), body.subarray(NONCE_BYTES))
      if (!plain) throw new Error('the box does not open')
      return plain
    },
  },
}

export function provider(name: ProviderName, key: NamedKey): Provider {
  const cipher = ciphers[name]
  const prefix = `${SEALED_MARK}${name}:v1:${key.name}:`
  const head = Buffer.from(prefix)
  return {
    prefix,
    seal: (at, plain) => Buffer.concat([head, ...cipher.seal(key.secret, at, plain)]),
    open: (at, sealed) => cipher.open(key.secret, at, sealed.subarray(head.byteLength)),
  }
}
