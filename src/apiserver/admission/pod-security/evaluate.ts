// A pod against a level: which checks hold for it in the version asked for, and what they say. Pure.
import { BASELINE } from './baseline-checks.ts'
import type { Annotations, Check, PodSpec, Violation } from './check.ts'
import type { LevelVersion, Version } from './policy.ts'
import { RESTRICTED } from './restricted-checks.ts'

export function evaluate(
  { level, version }: LevelVersion,
  spec: PodSpec,
  annotations: Annotations | undefined,
): Violation[] {
  if (level === 'privileged') return []
  const restricted = level === 'restricted' ? RESTRICTED.filter((check) => runner(check, version)) : []
  const overridden = new Set(restricted.map(({ overrides }) => overrides))
  const checks = [...BASELINE.filter(({ id }) => !overridden.has(id)), ...restricted]
  return checks.flatMap((check) => runner(check, version)?.(spec, annotations ?? {}) ?? [])
}

/** The newest form of the check that is not newer than the version. */
const runner = ({ versions }: Check, version: Version) => versions.findLast(([since]) => since <= version)?.[1]

export const reasons = (violations: readonly Violation[]) => violations.map(({ reason }) => reason).join(', ')
export const details = (violations: readonly Violation[]) =>
  violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ')
