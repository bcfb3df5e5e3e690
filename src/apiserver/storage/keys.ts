// Where objects live in the store: /registry/<group, `core` for none>/<plural>/[<namespace>/]<name>.

/** What a key is made from. Every kind is one. */
export interface Located {
  readonly group: string
  readonly plural: string
  readonly scope: 'Namespaced' | 'Cluster'
  readonly storedAs?: { readonly group: string } | undefined
}

/** Ends with a slash, so that no other kind's or namespace's keys begin with it. */
export function prefixOf(kind: Located, namespace?: string): string {
  const stored = kind.storedAs ?? kind
  const root = `/registry/${stored.group || 'core'}/${kind.plural}/`
  return kind.scope === 'Namespaced' && namespace ? `${root}${namespace}/` : root
}

export function keyOf(kind: Located, namespace: string | undefined, name: string): string {
  return prefixOf(kind, namespace) + name
}
