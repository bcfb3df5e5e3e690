// Priority and fairness as text, for `kubectl get --raw /debug/api_priority_and_fairness/dump_…`: the levels, the queues in which somebody
// waits, and who waits there. Read from its state when somebody asks. k8s: the columns of kube-apiserver's pages; what is under way is
// counted by level here and not by queue.
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import { textResponse } from '../respond.ts'
import type { Refusal } from './fair-queues.ts'
import type { FlowControl } from './flow-control.ts'

const ROOT = '/debug/api_priority_and_fairness/'

type Row = readonly (string | number | boolean)[]
type Page = (flow: FlowControl, query: URLSearchParams) => Row[]

const NONE = '<none>'

const levels: Page = (flow) => {
  const { levels, schemas } = flow.state()
  const rows = levels.map(({ name, queues }): Row => {
    const own = schemas.filter(({ levelName }) => levelName === name)
    const refused = (...why: Refusal[]) =>
      own.reduce((sum, { rejected }) => sum + why.reduce((all, one) => all + (rejected.get(one) ?? 0), 0), 0)
    const dispatched = own.reduce((sum, schema) => sum + schema.dispatched, 0)
    const { waiting, executing } = queues
    const idle = waiting + executing === 0
    return [
      ...[name, queues.busyQueues().length, idle, false, waiting, executing, dispatched],
      ...[refused('queue-full', 'concurrency-limit'), refused('time-out'), refused('cancelled')],
    ]
  })
  return [
    [
      ...['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests'],
      ...['DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'],
    ],
    ...rows.sort(byName),
  ]
}

const queues: Page = (flow) => {
  const rows = flow.state().levels.flatMap(({ name, queues }) =>
    queues.busyQueues().map(({ index, waiting, width, start }): Row => {
      return [name, index, waiting.length, NONE, NONE, `${start.toFixed(8)}ss`, width, width]
    }),
  )
  return [
    [
      ...['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'],
      ...['InitialSeatsSum', 'MaxSeatsSum'],
    ],
    ...rows.sort(byName),
  ]
}

const requests: Page = (flow, query) => {
  const detailed = query.get('includeRequestDetails') === '1' || query.get('includeRequestDetails') === 'true'
  const rows = flow.state().levels.flatMap(({ name, queues }) =>
    queues.busyQueues().flatMap(({ index, waiting }) =>
      waiting.map(({ width, about }, place): Row => {
        const { schema, distinguisher, arrivedMs, user, info } = about
        const arrived = new Date(arrivedMs).toISOString()
        const { verb, path, namespace, name: object, version, resource, subresource } = info
        const details = detailed ? [user.name, verb, path, namespace, object, version, resource, subresource] : []
        return [name, schema, index, place, distinguisher, arrived, width, 0, '0s', ...details]
      }),
    ),
  )
  return [
    [
      ...['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime'],
      ...['InitialSeats', 'FinalSeats', 'AdditionalLatency'],
      ...(detailed
        ? ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource']
        : []),
    ],
    ...rows.sort(byName),
  ]
}

const PAGES: Readonly<Record<string, Page>> = {
  dump_priority_levels: levels,
  dump_queues: queues,
  dump_requests: requests,
}

const byName = (a: Row, b: Row) => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0)

export const ownsDump = (path: string): boolean =>
  path.startsWith(ROOT) && Object.hasOwn(PAGES, path.slice(ROOT.length))

export function dumpResponse(flow: FlowControl, { path, query }: ApiRequest): ApiResponse {
  return textResponse(aligned(PAGES[path.slice(ROOT.length)]!(flow, query)))
}

/** Cells end with a comma and are padded to their column. */
function aligned(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, at) => `${cell}${at < row.length - 1 ? ',' : ''}`))
  const widths = cells[0]!.map((_, at) => Math.max(...cells.map((row) => row[at]!.length)))
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at]!)).join(' ')
  return cells.map((row) => `${line(row).trimEnd()}\n`).join('')
}
