// What a request for a deprecated version is warned of. k8s: the sentence where the definition has none of its own.
import type { DeepReadonly } from '../../api/meta/object.ts'
import { versionRank } from '../../api/meta/versions.ts'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions.v1.ts'

export function deprecationWarning(
  { spec }: DeepReadonly<CustomResourceDefinition>,
  version: DeepReadonly<CustomResourceDefinitionVersion>,
): string {
  if (version.deprecationWarning !== undefined) return version.deprecationWarning
  const nameOf = (name: string) => `${spec.group}/${name} ${spec.names.kind}`
  const better = spec.versions
    .filter((v) => v.served && !v.deprecated && versionRank(v.name) > versionRank(version.name))
    .sort((a, b) => versionRank(b.name) - versionRank(a.name))
  return `${nameOf(version.name)} is deprecated${better[0] ? `; use ${nameOf(better[0].name)}` : ''}`
}
