// The order of API versions. k8s: GA before beta before alpha, higher numbers first; what isn't named so comes last.

/** Higher is preferred; equal for all versions that don't follow the pattern. */
export function versionRank(version: string): number {
  const [, major, stage = '', minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? []
  if (major === undefined) return 0
  const stages: Readonly<Record<string, number>> = { '': 3, beta: 2, alpha: 1 }
  return stages[stage]! * 1e9 + Number(major) * 1e4 + Number(minor)
}

/** Preferred first. */
export const byPreference = (a: string, b: string) => versionRank(b) - versionRank(a) || (a < b ? -1 : a > b ? 1 : 0)
