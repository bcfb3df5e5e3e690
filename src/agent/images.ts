// Gets a container's image onto the node by its pull policy: one pull at a time per image, a few at once, with back-off per image and
// pod, and the standard's events. What went wrong is a StartFailure whose reason stands in the container's status.

import type { Pod } from '../api/kinds/pod.ts'
import { Secret } from '../api/kinds/secret.ts'
import { isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { formatDuration } from '../api/meta/time.ts'
import type { Clock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Client } from '../client/client.ts'
import type { EventRecorder } from '../client/events.ts'
import { type Image, type ImageAuth, type ImageService, RuntimeError } from './cri/runtime.ts'
import { Gate } from './gate.ts'
import { isImageReference } from './image-reference.ts'
import { fieldPath, type PodContainer } from './pods/containers.ts'
import { type Backoff, raise, retryAtMs } from './pods/restart.ts'
import { StartFailure } from './pods/start-failure.ts'
import { parseDockerConfig } from './pull-secrets.ts'

const PULLS_AT_ONCE = 3
/** Images whose back-off is remembered. */
const MOST_BACKOFFS = 500

interface Failure {
  backoff: Backoff
  failedAtMs: number
  message: string
}
export interface ImageManagerDeps {
  client: Client
  images: ImageService
  events: EventRecorder
  clock: Clock
}

export class ImageManager {
  readonly #deps: ImageManagerDeps
  readonly #gate = new Gate(PULLS_AT_ONCE)
  readonly #pulls = new Map<string, Promise<Image>>()
  readonly #failures = new Map<string, Failure>()
  readonly #changed: () => void

  /** @param onPulled called when the node has an image that it did not have before. */
  constructor(deps: ImageManagerDeps, onPulled: () => void) {
    this.#deps = deps
    this.#changed = onPulled
  }

  /** @throws StartFailure ErrImagePull, ImagePullBackOff, ErrImageNeverPull, InvalidImageName */
  async ensure(ctx: Ctx, pod: DeepReadonly<Pod>, { spec, role }: PodContainer): Promise<Image> {
    const { images, events, clock } = this.#deps
    const reference = spec.image ?? ''
    const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      events.event(pod, type, reason, message, { fieldPath: fieldPath(role, spec.name) })
    if (!isImageReference(reference)) {
      const message = `Failed to apply default image tag "${reference}": couldn't parse image name "${reference}": invalid reference format`
      tell('Warning', 'InspectFailed', message)
      tell('Warning', 'Failed', 'Error: InvalidImageName')
      throw new StartFailure('InvalidImageName', message, { told: true })
    }
    const policy = spec.imagePullPolicy ?? (/:latest$|^[^:@]*$/.test(lastPart(reference)) ? 'Always' : 'IfNotPresent')
    if (policy !== 'Always') {
      const present = await images.imageStatus(ctx, reference)
      if (present) {
        tell(
          'Normal',
          'Pulled',
          `Container image "${reference}" already present on machine and can be accessed by the pod`,
        )
        return present
      }
      if (policy === 'Never') {
        const message = `Container image "${reference}" is not present with pull policy of Never`
        tell('Warning', 'ErrImageNeverPull', message)
        tell('Warning', 'Failed', 'Error: ErrImageNeverPull')
        throw new StartFailure('ErrImageNeverPull', message, { told: true })
      }
    }
    const key = `${pod.metadata.uid}/${reference}`
    const failure = this.#failures.get(key)
    const untilMs = failure && retryAtMs(failure.backoff, failure.failedAtMs)
    if (failure && untilMs !== undefined && untilMs > clock.now()) {
      tell('Normal', 'BackOff', `Back-off pulling image "${reference}"`)
      tell('Warning', 'Failed', 'Error: ImagePullBackOff')
      const message = `Back-off pulling image "${reference}": ErrImagePull: ${failure.message}`
      throw new StartFailure('ImagePullBackOff', message, { told: true, retryAtMs: untilMs })
    }
    tell('Normal', 'Pulling', `Pulling image "${reference}"`)
    const startMs = clock.now()
    let pullMs = 0
    try {
      const auth = await this.#auth(ctx, pod)
      const image = await this.#pull(ctx, reference, auth, (ms) => {
        pullMs = ms
      })
      this.#failures.delete(key)
      const waited = formatDuration(clock.now() - startMs)
      const size = image.sizeBytes > 0 ? ` Image size: ${image.sizeBytes} bytes.` : ''
      const spent = formatDuration(pullMs || clock.now() - startMs)
      tell(
        'Normal',
        'Pulled',
        `Successfully pulled image "${reference}" in ${spent} (${waited} including waiting).${size}`,
      )
      this.#changed()
      return image
    } catch (err) {
      ctx.signal.throwIfAborted()
      if (err instanceof RuntimeError && err.code === 'Unavailable') throw err
      const message = err instanceof Error ? err.message : String(err)
      this.#remember(key, { backoff: raise(failure?.backoff, clock.now()), failedAtMs: clock.now(), message })
      tell('Warning', 'Failed', `Failed to pull image "${reference}": ${message}`)
      tell('Warning', 'Failed', 'Error: ErrImagePull')
      // k8s: the failure is shown first; the next look, a moment later, finds the back-off.
      throw new StartFailure('ErrImagePull', message, {
        told: true,
        retryAtMs: clock.now() + SHOW_FAILURE_MS,
        cause: err,
      })
    }
  }

  /** The pod is gone: its back-offs are forgotten. */
  forget(podUid: string): void {
    for (const key of this.#failures.keys()) if (key.startsWith(`${podUid}/`)) this.#failures.delete(key)
  }

  #remember(key: string, failure: Failure): void {
    this.#failures.delete(key)
    this.#failures.set(key, failure)
    const oldest = this.#failures.keys().next().value
    if (this.#failures.size > MOST_BACKOFFS && oldest !== undefined) this.#failures.delete(oldest)
  }

  /** Containers that want the same image with the same credentials share one pull. */
  async #pull(ctx: Ctx, reference: string, auth: readonly ImageAuth[], onDone: (ms: number) => void): Promise<Image> {
    const { images, clock } = this.#deps
    const key = JSON.stringify([reference, auth.map((a) => [a.registry, a.username, a.password])])
    const running = this.#pulls.get(key)
    if (running) {
      try {
        return await running
      } catch (err) {
        // The one who started it went away, which says nothing about the image.
        if (!(err instanceof Error) || err.name !== 'AbortError') throw err
      }
      ctx.signal.throwIfAborted()
    }
    const pull = this.#gate.run(ctx.signal, async () => {
      const startMs = clock.now()
      const image = await images.pullImage(ctx, reference, auth)
      onDone(clock.now() - startMs)
      return image
    })
    this.#pulls.set(key, pull)
    try {
      return await pull
    } finally {
      if (this.#pulls.get(key) === pull) this.#pulls.delete(key)
    }
  }

  async #auth(ctx: Ctx, pod: DeepReadonly<Pod>): Promise<ImageAuth[]> {
    const { client } = this.#deps
    const auth: ImageAuth[] = []
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      if (!name) continue
      const secret = await client.get(ctx, Secret, name, pod.metadata.namespace).catch((err) => {
        // k8s: a pull secret that is missing is no failure; the registry may let us in without.
        if (isNotFound(err)) return undefined
        throw err
      })
      if (secret) auth.push(...parseDockerConfig(secret.data ?? {}))
    }
    return auth
  }
}

const SHOW_FAILURE_MS = 1000
const lastPart = (reference: string) => reference.slice(reference.lastIndexOf('/') + 1)
