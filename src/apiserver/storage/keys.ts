// Where objects live in the store: /registry/<group, `core` for none>/<plural>/[<namespace>/]<name>.
import type { Kind } from '../../api/kinds/kind.ts'

/** Ends with a slash, so that no other kind's or namespace's keys begin with it. */
export function prefixOf(kind: Kind<never>, namespace?: string): string {
  const stored = kind.storedAs ?? kind
  const root = `/registry/${stored.group || 'core'}/${kind.plural}/`
  return kind.scope === 'Namespaced' && namespace ? `${root}${namespace}/` : root
}

export function keyOf(kind: Kind<never>, namespace: string | undefined, name: string): string {
  return prefixOf(kind, namespace) + name
}
