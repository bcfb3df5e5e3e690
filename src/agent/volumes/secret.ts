// The secret volume: like configMap, but in memory only: a Secret never reaches the node's disk.
import { writePayload } from './payload.ts'
import type { VolumePlugin } from './plugin.ts'
import { DEFAULT_MODE, secretFiles } from './projection.ts'

/** The keys of a Secret as files in memory, kept up to date. */
export const secretVolume: VolumePlugin = {
  name: 'kubernetes.io/secret',
  handles: (volume) => volume.secret !== undefined,
  live: true,
  references: ({ secret }) => [{ kind: 'Secret', name: secret?.secretName ?? '' }],
  async setUp(_ctx, volume, context) {
    const source = volume.secret!
    const files = await secretFiles(source.secretName ?? '', source, source.defaultMode ?? DEFAULT_MODE, context)
    await writePayload(context.memoryDir, files, context.fsGroup)
    return context.memoryDir
  },
}
