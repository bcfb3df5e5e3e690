// Priority and fairness in /metrics, read from its state when somebody asks.
import { formatFamily, labelText } from '../../base/metrics-text.ts'
import type { FlowControl } from './flow-control.ts'

const PREFIX = 'apiserver_flowcontrol_'

export function formatFlowMetrics(flow: FlowControl): string {
  const { schemas, levels } = flow.state()
  const family = (name: string, type: 'counter' | 'gauge', help: string, samples: [Record<string, string>, number][]) =>
    formatFamily(
      { name: PREFIX + name, type, help },
      samples.map(([labels, value]) => `${PREFIX}${name}${labelText(labels)} ${value}`),
    )
  const ofSchema = (schema: (typeof schemas)[number]) => ({
    flow_schema: schema.name,
    priority_level: schema.levelName,
  })
  const limited = levels.filter(({ spec }) => spec.type !== 'Exempt')
  const perLevel = (value: (level: (typeof levels)[number]) => number): [Record<string, string>, number][] =>
    limited.map((level) => [{ priority_level: level.name }, value(level)])
  return [
    family(
      'dispatched_requests_total',
      'counter',
      'Requests that were let through.',
      schemas.filter(({ dispatched }) => dispatched > 0).map((schema) => [ofSchema(schema), schema.dispatched]),
    ),
    family(
      'rejected_requests_total',
      'counter',
      'Requests that were refused.',
      schemas.flatMap((schema) =>
        [...schema.rejected].map(([reason, count]): [Record<string, string>, number] => [
          { ...ofSchema(schema), reason },
          count,
        ]),
      ),
    ),
    family(
      'current_inqueue_requests',
      'gauge',
      'Requests that wait.',
      perLevel(({ queues }) => queues.waiting),
    ),
    family(
      'current_executing_requests',
      'gauge',
      'Requests with a seat.',
      perLevel(({ queues }) => queues.executing),
    ),
    family(
      'current_executing_seats',
      'gauge',
      'Seats taken.',
      perLevel(({ queues }) => queues.occupiedSeats),
    ),
    family(
      'nominal_limit_seats',
      'gauge',
      'Seats by share.',
      perLevel(({ queues }) => queues.limits.nominal),
    ),
    family(
      'lower_limit_seats',
      'gauge',
      'Seats never lent.',
      perLevel(({ queues }) => queues.limits.floor),
    ),
    family(
      'upper_limit_seats',
      'gauge',
      'Seats at most.',
      perLevel(({ queues }) => queues.limits.most),
    ),
  ].join('')
}
