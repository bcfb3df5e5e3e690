// The names of a definition, and whether its group is one that needs the community's approval. k8s: the rules and their sentences.
import { type FieldError, invalid, required } from '../../meta/errors.ts'
import { dns1035Label, dnsSubdomain } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '../../types/apiextensions.v1.ts'

type Names = DeepReadonly<CustomResourceDefinitionNames>

export function groupErrors(group: string): FieldError[] {
  if (!group) return [required('spec.group')]
  const problems = dnsSubdomain(group)
  if (problems.length > 0) return [invalid('spec.group', group, problems.join(','))]
  return group.includes('.') ? [] : [invalid('spec.group', group, 'should be a domain with at least one dot')]
}

export function namesErrors(names: Names, path: string): FieldError[] {
  const errors: FieldError[] = []
  const label = (field: string, value: string | undefined) => {
    const problems = value ? dns1035Label(value) : []
    if (problems.length > 0) errors.push(invalid(`${path}.${field}`, value, problems.join(',')))
  }
  const mixedCase = (field: string, value: string | undefined) => {
    const problems = value ? dns1035Label(value.toLowerCase()) : []
    if (problems.length === 0) return
    const why = `may have mixed case, but should otherwise match: ${problems.join(',')}`
    errors.push(invalid(`${path}.${field}`, value, why))
  }
  label('plural', names.plural)
  label('singular', names.singular)
  mixedCase('kind', names.kind)
  mixedCase('listKind', names.listKind)
  const labels = (field: string, list: readonly string[] = []) => {
    for (const [i, value] of list.entries()) {
      const problems = dns1035Label(value)
      if (problems.length > 0) errors.push(invalid(`${path}.${field}[${i}]`, value, problems.join(',')))
    }
  }
  labels('shortNames', names.shortNames)
  if (names.kind && names.kind === names.listKind) {
    errors.push(invalid(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same'))
  }
  labels('categories', names.categories)
  return errors
}

const APPROVED = 'api-approved.kubernetes.io'
const isProtected = (group: string) => /(^|\.)(k8s|kubernetes)\.io$/.test(group)

/** k8s: the groups of the community are only for what it has agreed on. An update may leave the annotation as it was. */
export function approvalErrors(
  { metadata, spec }: DeepReadonly<CustomResourceDefinition>,
  old: DeepReadonly<CustomResourceDefinition> | undefined,
): FieldError[] {
  if (!isProtected(spec.group ?? '')) return []
  const value = metadata.annotations?.[APPROVED]
  const state = approvalState(value)
  if (old && approvalState(old.metadata.annotations?.[APPROVED]) === state) return []
  const field = `metadata.annotations[${APPROVED}]`
  const link = 'https://github.com/kubernetes/enhancements/pull/1111'
  if (state === 'missing') {
    const why = `protected groups must have approval annotation ${JSON.stringify(APPROVED)}, see ${link}`
    return [required(field, why)]
  }
  if (state !== 'invalid') return []
  const why = `protected groups must have approval annotation ${JSON.stringify(APPROVED)} with either a URL or a reason starting with "unapproved", see ${link}`
  return [invalid(field, value, why)]
}

function approvalState(value: string | undefined): 'missing' | 'bypassed' | 'approved' | 'invalid' {
  if (!value) return 'missing'
  if (value.startsWith('unapproved')) return 'bypassed'
  return URL.parse(value)?.host ? 'approved' : 'invalid'
}
