// Printed columns that many kinds share, in the standard's names and words.
import { formatLabelSelector, formatLabels } from '../meta/label-selector.ts'
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import { ageOf, formatTime, parseTime } from '../meta/time.ts'
import type { PodSpec } from '../types/core.v1.ts'
import type { LabelSelector } from '../types/meta.v1.ts'
import type { Column } from './kind.ts'

type Cell = ReturnType<Column<never>['value']>
type Read<T> = (obj: DeepReadonly<T>, nowMs: number) => Cell

export const text = <T>(name: string, value: Read<T>, description = ''): Column<T> => ({
  name,
  type: 'string',
  priority: 0,
  description,
  value,
})
export const integer = <T>(name: string, value: Read<T>, description = ''): Column<T> => ({
  name,
  type: 'integer',
  priority: 0,
  description,
  value: (obj, nowMs) => value(obj, nowMs) ?? 0,
})
/** k8s: a number in a column that is declared as text. */
export const count = <T>(name: string, value: Read<T>, description = ''): Column<T> => ({
  ...integer(name, value, description),
  type: 'string',
})
/** Shown only with `-o wide`. */
export const wide = <T>(column: Column<T>): Column<T> => ({ ...column, priority: 1 })

/** The age of the object. */
export const age = <T extends KubeObject>(): Column<T> =>
  text(
    'Age',
    (obj, nowMs) => ageOf((obj as DeepReadonly<KubeObject>).metadata.creationTimestamp, nowMs),
    'Time since the object was created.',
  )

/** Kinds that show when instead of how long ago. */
export const createdAt = <T extends KubeObject>(): Column<T> =>
  text(
    'Created At',
    (obj) => {
      const ms = parseTime((obj as DeepReadonly<KubeObject>).metadata.creationTimestamp)
      return ms === undefined ? '<unknown>' : formatTime(ms)
    },
    'Time at which the object was created.',
  )

/** The name, where it carries a mark or does not come first. */
export const name = <T extends KubeObject>(mark: (obj: DeepReadonly<T>) => string = () => ''): Column<T> => ({
  name: 'Name',
  type: 'string',
  format: 'name',
  priority: 0,
  description: 'Name of the object, unique within its namespace and kind.',
  value: (obj) => (obj as DeepReadonly<KubeObject>).metadata.name + mark(obj),
})

/** Container names and images of a pod template. */
export const containers = <T>(spec: (obj: DeepReadonly<T>) => DeepReadonly<PodSpec> | undefined): Column<T>[] => [
  text('Containers', (obj) => joined(spec(obj), 'name'), 'Names of each container in the template.'),
  text('Images', (obj) => joined(spec(obj), 'image'), 'Images referenced by each container in the template.'),
]
const joined = (spec: DeepReadonly<PodSpec> | undefined, key: 'name' | 'image') =>
  (spec?.containers ?? []).map((c) => c[key] ?? '').join(',')

export const selector = <T>(read: (obj: DeepReadonly<T>) => DeepReadonly<LabelSelector> | undefined): Column<T> =>
  text('Selector', (obj) => formatLabelSelector(read(obj)), 'Label query over the pods that belong to this object.')

export const labelMap = <T>(
  title: string,
  read: (obj: DeepReadonly<T>) => Readonly<Record<string, string>> | undefined,
  description = '',
): Column<T> => text(title, (obj) => formatLabels(read(obj)), description)

/** `a,b,c + 2 more...` */
export function listed(items: readonly string[], max: number): string {
  const shown = items.slice(0, max).join(',')
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown
}

const ACCESS_MODES: readonly [string, string][] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
]
/** `RWO,ROX` */
export const accessModes = (modes: readonly string[] | undefined): string =>
  ACCESS_MODES.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',')

export const bool = (value: boolean | undefined): string => (value === undefined ? '<unset>' : value ? 'true' : 'false')
export const titledBool = (value: boolean | undefined): string =>
  value === undefined ? '<unset>' : value ? 'True' : 'False'
