// The volumes of one pod: set up side by side when first needed, then kept up to date while the pod lives. A failure is told as a
// FailedMount event and thrown; the next call tries again what failed.

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ConfigMap } from '../../api/kinds/config-map.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import type { Secret } from '../../api/kinds/secret.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import type { EventRecorder } from '../../client/events.ts'
import { podContainers } from '../pods/containers.ts'
import type { FieldContext } from '../pods/fields.ts'
import type { Reference, ReferenceKind, References } from '../references.ts'
import type { VolumeContext, VolumePlugin, VolumeSpec } from './plugin.ts'
import { VOLUME_PLUGINS } from './plugins.ts'
import type { ServiceAccountTokens } from './tokens.ts'
import type { VolumeStore } from './volume-store.ts'

export interface PodVolumesDeps {
  store: VolumeStore
  references: References
  tokens: ServiceAccountTokens
  events: EventRecorder
  clock: Clock
}

interface Slot {
  volume: VolumeSpec
  plugin: VolumePlugin
  /** Set up, or being set up; undefined before and after a failure. */
  path: Promise<string> | undefined
}

export class PodVolumes {
  readonly #deps: PodVolumesDeps
  readonly #fields: () => FieldContext
  readonly #onReferenceChange: () => void
  readonly #slots: Slot[]
  readonly #references = new Map<string, Reference>()
  readonly #uid: string
  readonly #namespace: string
  readonly #stop = new AbortController()
  #ctx: Ctx | undefined
  #shown: string
  #refresh: { timer: Timer; atMs: number } | undefined
  #updating: Promise<void> = Promise.resolve()

  /** @param onReferenceChange a ConfigMap or Secret that the pod refers to (in volumes or env) has changed. */
  constructor(deps: PodVolumesDeps, pod: DeepReadonly<Pod>, fields: () => FieldContext, onReferenceChange: () => void) {
    this.#deps = deps
    this.#fields = fields
    this.#onReferenceChange = onReferenceChange
    this.#uid = pod.metadata.uid
    this.#namespace = pod.metadata.namespace ?? ''
    this.#shown = shownOf(pod)
    const used = usedVolumes(pod)
    this.#slots = (pod.spec?.volumes ?? [])
      .filter((volume) => used.has(volume.name))
      .map((volume) => ({ volume, plugin: VOLUME_PLUGINS.find((p) => p.handles(volume))!, path: undefined }))
  }

  /** The paths on the node by volume name. @throws Error with the sentence of the first volume that failed. */
  async ready(ctx: Ctx): Promise<ReadonlyMap<string, string>> {
    const own = child(ctx, {}, this.#stop.signal)
    this.#ctx ??= own
    const results = await Promise.allSettled(this.#slots.map((slot) => (slot.path ??= this.#setUp(own, slot))))
    const paths = new Map<string, string>()
    let failure: unknown
    for (const [index, result] of results.entries()) {
      const slot = this.#slots[index]!
      if (result.status === 'fulfilled') paths.set(slot.volume.name, result.value)
      else {
        slot.path = undefined
        failure ??= result.reason
      }
    }
    ctx.signal.throwIfAborted()
    if (failure) throw failure
    return paths
  }

  /** The pod has changed: what shows its labels or annotations is written again. */
  podChanged(pod: DeepReadonly<Pod>): void {
    const shown = shownOf(pod)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#updateLive((plugin) => plugin.live)
  }

  /** A ConfigMap or Secret of the pod's namespace that env refers to, followed from now on like those of volumes. */
  async reference<T>(ctx: Ctx, kind: ReferenceKind, name: string): Promise<DeepReadonly<T> | undefined> {
    return (await this.#use(kind, name).fetch(ctx.signal)) as DeepReadonly<T> | undefined
  }

  /** Nothing is kept up to date any more; the files stay until the store removes them. */
  close(): void {
    this.#stop.abort()
    this.#refresh?.timer.cancel()
    for (const reference of this.#references.values()) reference.release()
    this.#references.clear()
    this.#deps.tokens.forget(this.#uid)
  }

  #use(kind: ReferenceKind, name: string): Reference {
    const key = `${kind}/${name}`
    const known = this.#references.get(key)
    if (known) return known
    const reference = this.#deps.references.use(kind, this.#namespace, name, () => {
      this.#updateLive(
        (plugin, volume) => plugin.references?.(volume).some((r) => r.kind === kind && r.name === name) ?? false,
      )
      this.#onReferenceChange()
    })
    this.#references.set(key, reference)
    return reference
  }

  async #setUp(ctx: Ctx, { volume, plugin }: Slot): Promise<string> {
    const { store, tokens, events } = this.#deps
    const fields = this.#fields()
    try {
      const diskDir = store.volumeDir(this.#uid, plugin.name, volume.name)
      await store.makePodDir(this.#uid)
      await mkdir(dirname(diskDir), { recursive: true, mode: 0o750 })
      const inMemory = volume.secret !== undefined || volume.projected !== undefined
      const context: VolumeContext = {
        pod: fields.pod,
        diskDir,
        memoryDir: inMemory ? await store.memoryVolumeDir(ctx, this.#uid, volume.name) : diskDir,
        fsGroup: fields.pod.spec?.securityContext?.fsGroup,
        configMap: (name) => this.reference<ConfigMap>(ctx, 'ConfigMap', name),
        secret: (name) => this.reference<Secret>(ctx, 'Secret', name),
        tokens,
        fields,
        refreshAt: (ms) => this.#refreshAt(ms),
      }
      return await plugin.setUp(ctx, volume, context)
    } catch (err) {
      ctx.signal.throwIfAborted()
      const message = err instanceof Error ? err.message : String(err)
      events.event(
        fields.pod,
        'Warning',
        'FailedMount',
        `MountVolume.SetUp failed for volume "${volume.name}" : ${message}`,
      )
      throw err
    }
  }

  #refreshAt(wantedMs: number): void {
    const atMs = Math.max(wantedMs, this.#deps.clock.now() + SHORTEST_REFRESH_MS)
    if (this.#refresh && this.#refresh.atMs <= atMs) return
    this.#refresh?.timer.cancel()
    const { clock } = this.#deps
    const timer = clock.after(atMs - clock.now(), () => {
      this.#refresh = undefined
      this.#updateLive((plugin) => plugin.name === 'kubernetes.io/projected')
    })
    this.#refresh = { timer, atMs }
  }

  /** One update after the other; a volume that was never set up has nothing to update. */
  #updateLive(concerned: (plugin: VolumePlugin, volume: VolumeSpec) => boolean): void {
    const ctx = this.#ctx
    if (!ctx || ctx.signal.aborted) return
    const slots = this.#slots.filter((s) => s.plugin.live && s.path && concerned(s.plugin, s.volume))
    if (slots.length === 0) return
    this.#updating = this.#updating.then(async () => {
      for (const slot of slots) {
        if (ctx.signal.aborted) return
        // The first set-up may still be under way: one at a time for each volume.
        await slot.path?.catch(() => undefined)
        await this.#setUp(ctx, slot).catch((err) => {
          if (ctx.signal.aborted) return
          ctx.log.warn({ err, volume: slot.volume.name }, 'volume cannot be brought up to date')
          if (slot.plugin.name === 'kubernetes.io/projected') this.#refreshAt(this.#deps.clock.now() + RETRY_MS)
        })
      }
    })
  }
}

const RETRY_MS = 30_000
/** However short-lived a token is (or far off a clock), it is not asked for more often. */
const SHORTEST_REFRESH_MS = 10_000

/** What of a pod live volumes may show. */
const shownOf = (pod: DeepReadonly<Pod>) => JSON.stringify([pod.metadata.labels, pod.metadata.annotations])

/** k8s: volumes that no container mounts are not set up. */
function usedVolumes(pod: DeepReadonly<Pod>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { spec } of podContainers(pod)) {
    for (const mount of spec.volumeMounts ?? []) names.add(mount.name)
    for (const variable of spec.env ?? [])
      if (variable.valueFrom?.fileKeyRef) names.add(variable.valueFrom.fileKeyRef.volumeName)
  }
  return names
}
