// The emptyDir volume: a directory (or a tmpfs, for medium Memory) that lives as long as the pod.
import { chmod, mkdir } from 'node:fs/promises'
import { toWhole } from '../../api/meta/quantity.ts'
import { podContainers } from '../pods/containers.ts'
import { mountTmpfs } from './mounts.ts'
import { ownByGroup } from './ownership.ts'
import type { VolumeContext, VolumePlugin, VolumeSpec } from './plugin.ts'

/** Scratch space that lives as long as the pod, on disk or (medium Memory) in a tmpfs of its own. */
export const emptyDirVolume: VolumePlugin = {
  name: 'kubernetes.io/empty-dir',
  // k8s: a volume without any source is an emptyDir.
  handles: (volume) => volume.emptyDir !== undefined || Object.keys(volume).length === 1,
  live: false,
  async setUp(ctx, volume, context) {
    const medium = volume.emptyDir?.medium ?? ''
    const dir = context.diskDir
    if (medium !== '' && medium !== 'Memory') throw new Error(`storage medium "${medium}" is not supported`)
    const isNew = (await mkdir(dir, { recursive: true })) !== undefined
    if (medium === 'Memory') await mountTmpfs(ctx, dir, memorySize(volume, context))
    if (isNew) {
      await chmod(dir, 0o777)
      if (context.fsGroup !== undefined) await ownByGroup(dir, context.fsGroup)
    }
    return dir
  },
}

/** k8s: the volume's own limit or what the pod's containers may use together, whichever is less; 0 for the kernel's default. */
function memorySize(volume: VolumeSpec, { pod }: VolumeContext): number {
  const limits = podContainers(pod)
    .filter((c) => c.role === 'app' || c.role === 'sidecar')
    .map((c) => toWhole(c.spec.resources?.limits?.['memory'] ?? '0'))
  const all = limits.every((bytes) => bytes > 0) ? limits.reduce((sum, bytes) => sum + bytes, 0) : 0
  const own = toWhole(volume.emptyDir?.sizeLimit ?? '0')
  return own > 0 && all > 0 ? Math.min(own, all) : own || all
}
