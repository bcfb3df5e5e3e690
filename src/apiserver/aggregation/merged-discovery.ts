// This server's discovery documents with the groups of other servers among them, in the order of their priorities. Pure.
import type { APIGroupDiscovery, APIGroupDiscoveryList, APIVersionDiscovery } from '../../api/types/apidiscovery.v2.ts'
import type { APIGroup } from '../../api/types/meta.v1.ts'
import { groupPriority } from './local-services.ts'

/** A group with what other servers serve of it. */
export interface Foreign<V> {
  readonly group: string
  readonly priority: number
  readonly versions: readonly V[]
}

/** k8s: higher priorities first, then by name; equal ones of this server stay as they are. */
function ordered<T>(local: readonly T[], foreign: readonly Foreign<unknown>[], nameOf: (item: T) => string): T[] {
  const priorities = new Map(foreign.map(({ group, priority }) => [group, priority]))
  const priorityOf = (item: T) => priorities.get(nameOf(item)) ?? groupPriority(nameOf(item))
  return [...local].sort((a, b) => {
    const difference = priorityOf(b) - priorityOf(a)
    if (difference !== 0) return difference
    const named = priorities.has(nameOf(a)) || priorities.has(nameOf(b))
    return named && nameOf(a) !== nameOf(b) ? (nameOf(a) < nameOf(b) ? -1 : 1) : 0
  })
}

/** The aggregated form of /apis. */
export function mergeAggregated(local: object, foreign: readonly Foreign<APIVersionDiscovery>[]): object {
  const list = local as APIGroupDiscoveryList
  const items = [...list.items]
  for (const { group, versions } of foreign) {
    const at = items.findIndex(({ metadata }) => metadata?.name === group)
    const own = items[at]?.versions ?? []
    const others = own.filter(({ version }) => !versions.some((each) => each.version === version))
    const merged = {
      metadata: { name: group, creationTimestamp: null },
      versions: [...versions, ...others],
    } as unknown as APIGroupDiscovery
    if (at < 0) items.push(merged)
    else items[at] = merged
  }
  return { ...list, items: ordered(items, foreign, (item) => item.metadata?.name ?? '') }
}

type GroupItem = Omit<APIGroup, 'apiVersion' | 'kind'>

/** /apis */
export function mergeGroupList(local: object, foreign: readonly Foreign<{ readonly version: string }>[]): object {
  const list = local as { groups: GroupItem[] }
  const groups = [...list.groups]
  for (const each of foreign) {
    const at = groups.findIndex(({ name }) => name === each.group)
    const merged = mergeGroup(groups[at], each)
    if (at < 0) groups.push(merged)
    else groups[at] = merged
  }
  return { ...list, groups: ordered(groups, foreign, ({ name }) => name) }
}

/** An item of /apis, and /apis/<group> but for its type. */
export function mergeGroup(
  local: GroupItem | undefined,
  { group, versions }: Foreign<{ readonly version: string }>,
): GroupItem {
  const own = versions.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }))
  const others = (local?.versions ?? []).filter(({ version }) => !own.some((each) => each.version === version))
  const all = [...own, ...others]
  return { name: group, versions: all, preferredVersion: all[0]! }
}
