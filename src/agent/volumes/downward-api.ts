// The downwardAPI volume: fields of the pod and resources of its containers as files, kept up to date.
import { writePayload } from './payload.ts'
import type { VolumePlugin } from './plugin.ts'
import { DEFAULT_MODE, downwardFiles } from './projection.ts'

/** Fields of the pod and resources of its containers as files, kept up to date. */
export const downwardApiVolume: VolumePlugin = {
  name: 'kubernetes.io/downward-api',
  handles: (volume) => volume.downwardAPI !== undefined,
  live: true,
  async setUp(_ctx, volume, context) {
    const source = volume.downwardAPI!
    const files = downwardFiles(source.items, source.defaultMode ?? DEFAULT_MODE, context)
    await writePayload(context.diskDir, files, context.fsGroup)
    return context.diskDir
  },
}
