// A container's volumeMounts as bind mounts of the node's paths, subPaths included.
import { join } from 'node:path'
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Mount } from '../cri/runtime.ts'
import { prepareSubPath } from '../volumes/sub-path.ts'
import type { ContainerSpec } from './containers.ts'
import type { EnvVariable } from './env.ts'
import { expand } from './expand.ts'
import { configError } from './start-failure.ts'

const PROPAGATION = { None: 'private', HostToContainer: 'hostToContainer', Bidirectional: 'bidirectional' } as const

export interface MountContext {
  podDir: string
  /** Where each volume is on the node. */
  paths: ReadonlyMap<string, string>
  env: readonly EnvVariable[]
  canMount: boolean
  /** k8s: volumes that show objects of the API are never writable. */
  readOnlyVolumes: ReadonlySet<string>
}

export const readOnlyVolumes = (pod: DeepReadonly<Pod>): ReadonlySet<string> =>
  new Set(
    (pod.spec?.volumes ?? []).filter((v) => v.configMap || v.secret || v.projected || v.downwardAPI).map((v) => v.name),
  )

/** @throws StartFailure for a subPath that cannot be used. */
export async function containerMounts(ctx: Ctx, spec: ContainerSpec, context: MountContext): Promise<Mount[]> {
  const mounts: Mount[] = []
  for (const [index, mount] of (spec.volumeMounts ?? []).entries()) {
    const path = context.paths.get(mount.name)
    if (path === undefined)
      throw configError(`cannot find volume "${mount.name}" to mount into container "${spec.name}"`)
    const subPath = mount.subPathExpr ? expandSubPath(mount.subPathExpr, context.env) : (mount.subPath ?? '')
    let hostPath = path
    if (subPath !== '') {
      const target = join(context.podDir, 'volume-subpaths', mount.name, spec.name, String(index))
      hostPath = await prepareSubPath(ctx, path, subPath, target, context.canMount).catch((err) => {
        ctx.signal.throwIfAborted()
        ctx.log.debug({ err, volume: mount.name }, 'subPath cannot be prepared')
        throw configError(`failed to prepare subPath for volumeMount "${mount.name}" of container "${spec.name}"`)
      })
    }
    mounts.push({
      // k8s: a relative path starts at the root.
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath,
      readonly: (mount.readOnly ?? false) || context.readOnlyVolumes.has(mount.name),
      propagation: PROPAGATION[mount.mountPropagation ?? 'None'],
    })
  }
  return mounts
}

function expandSubPath(text: string, env: readonly EnvVariable[]): string {
  const missing: string[] = []
  const path = expand(text, (name) => {
    const value = env.find((e) => e.key === name)?.value
    if (value === undefined) missing.push(name)
    return value
  })
  if (missing.length > 0) throw configError(`missing value for ${JSON.stringify(missing[0])}`)
  if (path.startsWith('/')) throw configError(`subPath "${path}" must not be an absolute path`)
  if (path.split('/').includes('..')) throw configError(`subPath "${path}" must not contain ".."`)
  return path
}
