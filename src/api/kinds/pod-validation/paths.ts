// The rules of paths that lead into a volume or stand in one.
import { invalid } from '../../meta/errors.ts'
import type { Errors } from '../check.ts'

/** k8s: said once, however often it climbs. */
export function checkNoBacksteps(errors: Errors, field: string, path: string): void {
  if (path.split('/').includes('..')) errors.push(invalid(field, path, "must not contain '..'"))
}

/** Below where it starts. */
export function checkLocalPath(errors: Errors, field: string, path: string): void {
  if (path.startsWith('/')) errors.push(invalid(field, path, 'must be a relative path'))
  checkNoBacksteps(errors, field, path)
}

/** As `checkLocalPath`, and not one of the names that a volume's own bookkeeping uses. */
export function checkLocalFile(errors: Errors, field: string, path: string): void {
  checkLocalPath(errors, field, path)
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalid(field, path, "must not start with '..'"))
}
