// Volume sources that need a storage driver: refused with a sentence that says so.
import type { VolumePlugin } from './plugin.ts'

/** Sources that this node cannot provide yet: a sentence that says so, not a silent empty directory. */
export const unsupportedVolume: VolumePlugin = {
  name: 'skiff.dev/unsupported',
  handles: () => true,
  live: false,
  async setUp(_ctx, volume) {
    const source = Object.keys(volume).find((key) => key !== 'name') ?? 'none'
    if (source === 'persistentVolumeClaim')
      throw new Error(
        `persistentvolumeclaim "${volume.persistentVolumeClaim?.claimName}": persistent volumes are not supported by this node`,
      )
    throw new Error(`no volume plugin matched: volume source "${source}" is not supported by this node`)
  },
}
