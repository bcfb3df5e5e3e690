// The projected volume: ConfigMaps, Secrets, downward API and service account tokens in one directory.
import { writePayload } from './payload.ts'
import type { VolumePlugin } from './plugin.ts'
import { configMapFiles, DEFAULT_MODE, downwardFiles, type Files, secretFiles } from './projection.ts'

/** Several sources in one directory in memory: the pod's token, ConfigMaps, Secrets and the downward API, kept up to date. */
export const projectedVolume: VolumePlugin = {
  name: 'kubernetes.io/projected',
  handles: (volume) => volume.projected !== undefined,
  live: true,
  references: ({ projected }) =>
    (projected?.sources ?? []).flatMap((source) => [
      ...(source.configMap ? [{ kind: 'ConfigMap' as const, name: source.configMap.name ?? '' }] : []),
      ...(source.secret ? [{ kind: 'Secret' as const, name: source.secret.name ?? '' }] : []),
    ]),
  async setUp(ctx, volume, context) {
    const { sources = [], defaultMode: mode = DEFAULT_MODE } = volume.projected!
    const parts = sources.map(async (source): Promise<Files> => {
      if (source.configMap) return configMapFiles(source.configMap.name ?? '', source.configMap, mode, context)
      if (source.secret) return secretFiles(source.secret.name ?? '', source.secret, mode, context)
      if (source.downwardAPI) return downwardFiles(source.downwardAPI.items, mode, context)
      if (source.serviceAccountToken) {
        const { path, audience, expirationSeconds } = source.serviceAccountToken
        const token = await context.tokens.get(ctx, context.pod, audience, expirationSeconds ?? 3600)
        context.refreshAt(token.refreshAtMs)
        return new Map([[path, { data: Buffer.from(token.token), mode: tokenMode(context.pod.spec, mode) }]])
      }
      throw new Error(`projected volume source ${Object.keys(source).join(', ')} is not supported`)
    })
    // k8s: of two sources with the same path the later one wins.
    const files: Files = new Map((await Promise.all(parts)).flatMap((part) => [...part]))
    await writePayload(context.memoryDir, files, context.fsGroup)
    return context.memoryDir
  },
}

/** k8s: with an fsGroup the group is let in by it, so nobody else need be; without one, whoever a container runs as must be able to read it. */
function tokenMode(spec: { securityContext?: { fsGroup?: number } } | undefined, mode: number): number {
  return spec?.securityContext?.fsGroup === undefined ? mode : 0o600
}
