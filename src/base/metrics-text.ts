// The text format of Prometheus, which every process answers /metrics in: one family of samples after another.

export interface MetricFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly help: string
}
export type MetricLabels = Readonly<Record<string, string>>

/** `{verb="GET",code="200"}`; nothing for none. */
export function labelText(labels: MetricLabels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length > 0 ? `{${parts.join(',')}}` : ''
}

const escaped = (value: string) => value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))

/** @param samples lines of name, labels and value, without the line feed. A family without any is left out. */
export function formatFamily({ name, type, help }: MetricFamily, samples: Iterable<string>): string {
  const lines = [...samples]
  return lines.length > 0 ? `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n` : ''
}
