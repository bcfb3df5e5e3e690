// The fake runtime's images: those added are present, every pull succeeds unless the test says how it fails.
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import { aborted } from './fake-channel.ts'
import { type Image, type ImageAuth, type ImageService, RuntimeError } from './runtime.ts'

export class FakeImages implements ImageService {
  readonly #clock: Clock
  readonly #enter: (ctx: Ctx, call?: string) => void
  readonly #pullMs: number
  readonly #images = new Map<string, Image>()
  readonly #pullFailures = new Map<string, string>()

  /** @param enter what every call passes first: the engine's outages, and the record of calls. */
  constructor(clock: Clock, enter: (ctx: Ctx, call?: string) => void, pullMs: number, present: readonly string[]) {
    this.#clock = clock
    this.#enter = enter
    this.#pullMs = pullMs
    for (const reference of present) this.add(reference)
  }

  /** The image is present from now on. */
  add(reference: string, user = ''): Image {
    const tag = normalise(reference)
    const id = `sha256:${hex(`image ${tag}`)}`
    const repository = tag.replace(/:[^:/]*$/, '')
    const image = { id, tags: [tag], digests: [`${repository}@${id}`], sizeBytes: 1_000_000, user }
    this.#images.set(tag, image)
    return image
  }
  /** Pulling it fails with this message; undefined: works again. */
  failPull(reference: string, message: string | undefined): void {
    if (message === undefined) this.#pullFailures.delete(normalise(reference))
    else this.#pullFailures.set(normalise(reference), message)
  }
  find(reference: string): Image | undefined {
    const images = [...this.#images.values()]
    return (
      this.#images.get(normalise(reference)) ?? images.find((i) => i.id === reference || i.digests.includes(reference))
    )
  }

  async listImages(ctx: Ctx) {
    this.#enter(ctx)
    return [...this.#images.values()]
  }
  async imageStatus(ctx: Ctx, reference: string) {
    this.#enter(ctx)
    return this.find(reference)
  }
  async pullImage(ctx: Ctx, reference: string, _auth: readonly ImageAuth[], onProgress?: (line: string) => void) {
    this.#enter(ctx, `pullImage ${reference}`)
    onProgress?.(`Pulling from ${reference}`)
    if (this.#pullMs > 0) {
      const pulled = Promise.withResolvers<void>()
      const timer = this.#clock.after(this.#pullMs, pulled.resolve)
      await Promise.race([pulled.promise, aborted(ctx.signal)]).finally(() => timer.cancel())
    }
    const failure = this.#pullFailures.get(normalise(reference))
    if (failure !== undefined) throw new RuntimeError('ImagePull', failure)
    return this.find(reference) ?? this.add(reference)
  }
  async removeImage(ctx: Ctx, reference: string) {
    this.#enter(ctx, `removeImage ${reference}`)
    const image = this.find(reference)
    if (image) for (const tag of image.tags) this.#images.delete(tag)
  }
  async fsUsageBytes(ctx: Ctx) {
    this.#enter(ctx)
    return [...this.#images.values()].reduce((sum, image) => sum + image.sizeBytes, 0)
  }
}

/** A stable 64-digit id. */
export function hex(text: string): string {
  let digits = ''
  for (let round = 0; digits.length < 64; round++) {
    let h = 0x811c9dc5 ^ round
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
    digits += ((h ^ (h >>> 13)) >>> 0).toString(16).padStart(8, '0')
  }
  return digits
}

/** `docker.io/library/nginx` → `nginx:latest`. */
function normalise(reference: string): string {
  const short = reference.replace(/^docker\.io\//, '').replace(/^library\//, '')
  return short.includes('@') || /:[^/]*$/.test(short) ? short : `${short}:latest`
}
