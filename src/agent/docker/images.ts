// ImageService: what the engine has, pulls with the registry's own words, removal. Images built on this machine are found like any other.
import type { ImageInspectInfo } from 'dockerode'
import type { Ctx } from '../../base/ctx.ts'
import { type Image, type ImageAuth, type ImageService, RuntimeError } from '../cri/runtime.ts'
import type { Docker } from './dockerode.ts'
import { type Engine, isRuntimeError } from './engine.ts'
import { lines } from './events.ts'
import { destroyOnAbort, quietly } from './streams.ts'

/** Images read once are kept, for their USER never changes; more than these are read again. */
const MAX_KNOWN = 1000

export class Images implements ImageService {
  readonly #engine: Engine
  readonly #known = new Map<string, Image>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async listImages(ctx: Ctx): Promise<Image[]> {
    const found = await this.#engine.call(ctx, (docker, abortSignal) => docker.listImages({ abortSignal }))
    const images = await Promise.all(
      found.map(async (entry) => {
        const known = this.#known.get(entry.Id) ?? (await this.#inspect(ctx, entry.Id))
        return (
          known && {
            ...known,
            tags: (entry.RepoTags ?? []).filter(isNamed),
            digests: (entry.RepoDigests ?? []).filter(isNamed),
          }
        )
      }),
    )
    return images.filter((image) => image !== undefined)
  }

  async imageStatus(ctx: Ctx, reference: string): Promise<Image | undefined> {
    const image = await this.#inspect(ctx, reference)
    // A name of hexadecimal digits could also be the beginning of another image's id: that is not what a user means.
    const byPrefix =
      /^[0-9a-f]+$/.test(reference) && reference.length < 64 && !image?.tags.includes(normaliseReference(reference))
    return byPrefix ? undefined : image
  }

  /** For a container's status; cheap the second time. */
  async byId(ctx: Ctx, id: string): Promise<Image | undefined> {
    return this.#known.get(id) ?? this.#inspect(ctx, id)
  }

  async #inspect(ctx: Ctx, reference: string): Promise<Image | undefined> {
    try {
      const inspect = (docker: Docker) => docker.getImage(reference).inspect()
      const image = imageOf(await this.#engine.call(ctx, inspect))
      if (this.#known.size >= MAX_KNOWN) this.#known.clear()
      this.#known.set(image.id, image)
      return image
    } catch (err) {
      if (isRuntimeError(err, 'NotFound') || isRuntimeError(err, 'InvalidArgument')) return undefined
      throw err
    }
  }

  async pullImage(
    ctx: Ctx,
    reference: string,
    auth: readonly ImageAuth[],
    onProgress?: (line: string) => void,
  ): Promise<Image> {
    let refused: unknown
    for (const credentials of [...auth, undefined]) {
      try {
        await this.#pull(ctx, reference, credentials, onProgress)
        refused = undefined
        break
      } catch (err) {
        // Other credentials help only where these were the trouble. What the first ones met says most.
        if (!isRuntimeError(err, 'ImagePull') || !isAuthenticationFailure(err.message)) throw err
        refused ??= err
      }
    }
    if (refused) throw refused
    const image = await this.#inspect(ctx, reference)
    if (!image) throw new RuntimeError('ImagePull', `image ${reference} is not there after it was pulled`)
    return image
  }

  async #pull(
    ctx: Ctx,
    reference: string,
    credentials: ImageAuth | undefined,
    onProgress: ((line: string) => void) | undefined,
  ): Promise<void> {
    const authconfig = credentials && {
      username: credentials.username,
      password: credentials.password,
      serveraddress: credentials.registry,
    }
    const stream = await this.#engine
      .call(ctx, (docker, abortSignal) =>
        docker.createImage({ ...pullTarget(reference), authconfig, abortSignal } as object),
      )
      .catch((err) => {
        if (isRuntimeError(err, 'Unavailable') || !(err instanceof RuntimeError)) throw err
        throw new RuntimeError('ImagePull', err.message, { cause: err })
      })
    const readable = stream as import('node:stream').Readable
    const release = destroyOnAbort(readable, ctx.signal)
    try {
      for await (const line of lines(quietly(readable))) {
        const said = JSON.parse(line) as {
          id?: string
          status?: string
          error?: string
          errorDetail?: { message?: string }
        }
        if (said.error) throw new RuntimeError('ImagePull', said.errorDetail?.message ?? said.error)
        if (said.status) onProgress?.(said.id ? `${said.id}: ${said.status}` : said.status)
      }
    } finally {
      release()
      readable.destroy()
    }
    ctx.signal.throwIfAborted()
  }

  async removeImage(ctx: Ctx, reference: string): Promise<void> {
    const image = await this.#inspect(ctx, reference)
    if (!image) return
    // By id the engine refuses an image with several names, so each name goes by itself; the last one takes the image along.
    const isId = reference === image.id || reference === image.id.slice('sha256:'.length)
    const names = isId && image.tags.length > 0 ? image.tags : [reference]
    for (const name of names)
      await this.#engine.callIdempotent(ctx, (docker, abortSignal) =>
        docker.getImage(name).remove({ abortSignal } as object),
      )
    this.#known.delete(image.id)
  }

  async fsUsageBytes(ctx: Ctx): Promise<number> {
    const usage = await this.#engine.call(ctx, (docker) => docker.df() as Promise<{ LayersSize?: number }>)
    return usage.LayersSize ?? 0
  }
}

export const isAuthenticationFailure = (message: string) =>
  /unauthorized|no basic auth credentials|authentication required|denied|incorrect username or password|\b40[13]\b/i.test(
    message,
  )

const isNamed = (name: string) => !name.startsWith('<none>')

function imageOf(info: ImageInspectInfo): Image {
  return {
    id: info.Id,
    tags: (info.RepoTags ?? []).filter(isNamed),
    digests: (info.RepoDigests ?? []).filter(isNamed),
    sizeBytes: info.Size,
    user: info.Config?.User ?? '',
  }
}

/** `docker.io/library/nginx` → `nginx:latest`, as the engine lists it. */
export function normaliseReference(reference: string): string {
  const short = reference.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '')
  return short.includes('@') || /:[^/]*$/.test(short) ? short : `${short}:latest`
}

/** The engine would pull every tag of a repository that comes without one. */
export function pullTarget(reference: string): { fromImage: string; tag?: string } {
  if (reference.includes('@')) return { fromImage: reference }
  const colon = /^(.*):([^/:]+)$/.exec(reference)
  return colon ? { fromImage: colon[1]!, tag: colon[2]! } : { fromImage: reference, tag: 'latest' }
}
