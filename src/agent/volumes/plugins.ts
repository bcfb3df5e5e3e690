// Every kind of volume, in the order in which they are asked.
import { configMapVolume } from './config-map.ts'
import { downwardApiVolume } from './downward-api.ts'
import { emptyDirVolume } from './empty-dir.ts'
import { hostPathVolume } from './host-path.ts'
import type { VolumePlugin } from './plugin.ts'
import { projectedVolume } from './projected.ts'
import { secretVolume } from './secret.ts'
import { unsupportedVolume } from './unsupported.ts'

export const VOLUME_PLUGINS: readonly VolumePlugin[] = [
  emptyDirVolume,
  hostPathVolume,
  configMapVolume,
  secretVolume,
  projectedVolume,
  downwardApiVolume,
  unsupportedVolume,
]
