// The rules that reviews of access share: they ask about a resource or about a path, and of someone.
import { type FieldError, invalid } from '../meta/errors.ts'

/** Reviews are answered, never stored: what their metadata says is nobody's affair. */
export const anyName = (): string[] => []

interface Question {
  readonly resourceAttributes?: object
  readonly nonResourceAttributes?: object
  readonly user?: string
  readonly groups?: readonly string[]
}

export function validateQuestion(spec: Question | undefined, aboutOthers: boolean): FieldError[] {
  const errors: FieldError[] = []
  const [resource, path] = [spec?.resourceAttributes, spec?.nonResourceAttributes]
  if (resource && path) {
    errors.push(
      invalid('spec.nonResourceAttributes', path, 'cannot be specified in combination with resourceAttributes'),
    )
  }
  if (!resource && !path) {
    errors.push(
      invalid(
        'spec.resourceAttributes',
        resource,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    )
  }
  if (aboutOthers && !spec?.user && !spec?.groups?.length) {
    errors.push(invalid('spec.user', spec?.user ?? '', 'at least one of user or group must be specified'))
  }
  return errors
}
