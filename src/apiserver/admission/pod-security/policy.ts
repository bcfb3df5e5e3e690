// Which pod security levels a namespace asks for: levels, versions, and the labels that name them. Pure. k8s: a label that can't be read
// counts as the strictest for enforcing, and as none for auditing and warning.
import { type FieldError, invalid } from '../../../api/meta/errors.ts'

export type Level = 'privileged' | 'baseline' | 'restricted'
export const LEVELS: readonly Level[] = ['privileged', 'baseline', 'restricted']

/** The minor number of a v1.x; Infinity: the latest. */
export type Version = number
export const LATEST: Version = Number.POSITIVE_INFINITY

export interface LevelVersion {
  readonly level: Level
  readonly version: Version
}
export type Mode = 'enforce' | 'audit' | 'warn'
export type Policy = Readonly<Record<Mode, LevelVersion>>

export const MODES: readonly Mode[] = ['enforce', 'audit', 'warn']
const PRIVILEGED: LevelVersion = { level: 'privileged', version: LATEST }
export const PRIVILEGED_POLICY: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED }

export interface PodSecuritySettings {
  readonly defaults: Policy
  readonly exempt: {
    readonly usernames: readonly string[]
    readonly namespaces: readonly string[]
    readonly runtimeClasses: readonly string[]
  }
}

export const NO_PREFERENCE: PodSecuritySettings = {
  defaults: PRIVILEGED_POLICY,
  exempt: { usernames: [], namespaces: [], runtimeClasses: [] },
}

const LABEL = 'pod-security.kubernetes.io/'

export const versionText = (version: Version) => (version === LATEST ? 'latest' : `v1.${version}`)
/** `restricted:latest` */
export const policyText = ({ level, version }: LevelVersion) => `${level}:${versionText(version)}`

export const sameLevel = (a: LevelVersion, b: LevelVersion) => a.level === b.level && a.version === b.version
export const isStricter = (a: Level, b: Level) => LEVELS.indexOf(a) > LEVELS.indexOf(b)

export const parseLevel = (text: string): Level | undefined => LEVELS.find((level) => level === text)
export function parseVersion(text: string): Version | undefined {
  if (text === 'latest') return LATEST
  const [, minor] = /^v1\.(0|[1-9]\d{0,8})$/.exec(text) ?? []
  return minor === undefined ? undefined : Number(minor)
}

export const LEVEL_PROBLEM = `must be one of ${LEVELS.join(', ')}`
export const VERSION_PROBLEM = 'must be "latest" or "v1.x"'

export function policyOf(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: Policy,
): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = []
  const read = (mode: Mode): LevelVersion => {
    let { level, version } = defaults[mode]
    const levelLabel = labels?.[LABEL + mode]
    if (levelLabel !== undefined) {
      const parsed = parseLevel(levelLabel)
      if (!parsed) errors.push(invalid(`metadata.labels[${LABEL}${mode}]`, levelLabel, LEVEL_PROBLEM))
      level = parsed ?? (mode === 'enforce' ? 'restricted' : 'privileged')
    }
    const versionLabel = labels?.[`${LABEL}${mode}-version`]
    if (versionLabel !== undefined) {
      const parsed = parseVersion(versionLabel)
      if (parsed === undefined) {
        errors.push(invalid(`metadata.labels[${LABEL}${mode}-version]`, versionLabel, VERSION_PROBLEM))
      }
      version = parsed ?? LATEST
    }
    return { level, version }
  }
  const policy = { enforce: read('enforce'), audit: read('audit'), warn: read('warn') }
  return { policy, errors }
}
