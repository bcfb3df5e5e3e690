// Which admission plug-ins run: the defaults, and what the lists of enabled and disabled ones change. Pure.
import type { PluginConfigurations } from './configuration.ts'

/** `always`: not to be chosen, and no name that settings know. */
export type Standing = 'on' | 'off' | 'always'

export interface AdmissionSettings {
  readonly enabled: readonly string[]
  readonly disabled: readonly string[]
  readonly configurations: PluginConfigurations
}

export const NO_SETTINGS: AdmissionSettings = { enabled: [], disabled: [], configurations: {} }

/** k8s: plug-ins of features that are off by default, or that change nothing: their names are taken, and nothing follows. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'AlwaysAdmit',
  'ClusterTrustBundleAttest',
  'JobValidation',
  'NodeDeclaredFeatureValidator',
  'PodGroupProtection',
  'PodGroupWorkloadExists',
])

export const isChosen = (name: string, standing: Standing, { enabled, disabled }: AdmissionSettings): boolean =>
  standing === 'always' || (!disabled.includes(name) && (standing === 'on' || enabled.includes(name)))

/** What is wrong with the lists; undefined when they can be used. */
export function choiceProblem(
  plugins: readonly { readonly name: string; readonly standing: Standing }[],
  { enabled, disabled }: Pick<AdmissionSettings, 'enabled' | 'disabled'>,
): string | undefined {
  const known = new Set([...WITHOUT_EFFECT, ...plugins.flatMap((p) => (p.standing === 'always' ? [] : [p.name]))])
  const lists = [
    ['enable-admission-plugins', enabled],
    ['disable-admission-plugins', disabled],
  ] as const
  for (const [list, names] of lists) {
    const unknown = names.find((name) => !known.has(name))
    if (unknown)
      return `--${list}: plug-in ${JSON.stringify(unknown)} is unknown; there are ${[...known].sort().join(', ')}`
  }
  const both = enabled.filter((name) => disabled.includes(name))
  return both.length > 0
    ? `${both.join(', ')} in enable-admission-plugins and disable-admission-plugins overlapped`
    : undefined
}
