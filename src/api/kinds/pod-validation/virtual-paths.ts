// Files that a volume puts together under paths of its own: what is said when one would lie where another does.
import type { DeepReadonly } from '../../meta/object.ts'
import type { Volume, VolumeProjection } from '../../types/core.v1.ts'

export function virtualPathWarnings(volumes: readonly DeepReadonly<Volume>[] | undefined): string[] {
  return (volumes ?? []).flatMap((volume) => {
    const about = `volume ${JSON.stringify(volume.name)}`
    const { configMap, secret, downwardAPI, projected } = volume
    const warnings: string[] = []
    if (configMap?.items) {
      warnings.push(
        ...overlaps(pathsOf(configMap.items), `${about} (ConfigMap ${JSON.stringify(configMap.name ?? '')})`),
      )
    }
    if (secret?.items) {
      warnings.push(...overlaps(pathsOf(secret.items), `${about} (Secret ${JSON.stringify(secret.secretName ?? '')})`))
    }
    if (downwardAPI?.items) warnings.push(...overlaps(pathsOf(downwardAPI.items), `${about} (DownwardAPI)`))
    if (projected) warnings.push(...projectedWarnings(projected.sources ?? [], about))
    return warnings
  })
}

function projectedWarnings(sources: readonly DeepReadonly<VolumeProjection>[], about: string): string[] {
  const warnings: string[] = []
  const before = new Set<string>()
  for (const source of sources) {
    if (Object.values(source).every((part) => part === undefined)) {
      warnings.push(`${about} (Projected) has no sources provided`)
      continue
    }
    const [paths, called] = projection(source)
    if (paths.length === 0) continue
    const sentence = `${about} (Projected ${called})`
    warnings.push(...overlaps(paths, sentence))
    const own = [...new Set(paths)]
    warnings.push(...overlaps([...own, ...before].sort(), sentence))
    for (const path of own) before.add(path)
  }
  return [...new Set(warnings)]
}

function projection(source: DeepReadonly<VolumeProjection>): [paths: string[], called: string] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle } = source
  if (configMap?.items) return [pathsOf(configMap.items), `ConfigMap ${JSON.stringify(configMap.name ?? '')}`]
  if (secret?.items) return [pathsOf(secret.items), `Secret ${JSON.stringify(secret.name ?? '')}`]
  if (downwardAPI?.items) return [pathsOf(downwardAPI.items), 'DownwardAPI']
  if (serviceAccountToken) return [[serviceAccountToken.path ?? ''], 'ServiceAccountToken']
  if (clusterTrustBundle) {
    const name = clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? ''
    return [[clusterTrustBundle.path ?? ''], `ClusterTrustBundle ${JSON.stringify(name)}`]
  }
  return [[], '']
}

const pathsOf = (items: readonly { readonly path?: string }[]) => items.map(({ path = '' }) => path)

function overlaps(paths: readonly string[], sentence: string): string[] {
  const warnings: string[] = []
  const seen = new Set<string>()
  for (const written of paths) {
    const path = written.replace(/\/+$/, '')
    const other = path === '' ? undefined : [...seen].find((item) => item !== '' && isInside(item, path))
    if (other !== undefined) {
      warnings.push(`${sentence}: overlapping paths: ${JSON.stringify(path)} with ${JSON.stringify(other)}`)
    }
    seen.add(path)
  }
  return warnings
}

/** One of the two is the other, or a folder above it. */
const isInside = (a: string, b: string) => `${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`)
