// The configMap volume: a file for each key, changed all at once when the ConfigMap changes.
import { writePayload } from './payload.ts'
import type { VolumePlugin } from './plugin.ts'
import { configMapFiles, DEFAULT_MODE } from './projection.ts'

/** The keys of a ConfigMap as files, kept up to date. */
export const configMapVolume: VolumePlugin = {
  name: 'kubernetes.io/configmap',
  handles: (volume) => volume.configMap !== undefined,
  live: true,
  references: ({ configMap }) => [{ kind: 'ConfigMap', name: configMap?.name ?? '' }],
  async setUp(_ctx, volume, context) {
    const source = volume.configMap!
    const files = await configMapFiles(source.name ?? '', source, source.defaultMode ?? DEFAULT_MODE, context)
    await writePayload(context.diskDir, files, context.fsGroup)
    return context.diskDir
  },
}
