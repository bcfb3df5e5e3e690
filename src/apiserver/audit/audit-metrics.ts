// The audit log in /metrics.
import { formatFamily } from '../../base/metrics-text.ts'
import type { AuditSink } from './auditor.ts'

export function formatAuditMetrics({ counts }: AuditSink): string {
  if (!counts) return ''
  const counter = (name: string, help: string, value: number) =>
    formatFamily({ name, type: 'counter', help }, [`${name}{plugin="log"} ${value}`])
  return (
    counter('apiserver_audit_event_total', 'Events given to the audit log.', counts.taken) +
    counter('apiserver_audit_error_total', 'Events that the audit log lost.', counts.lost)
  )
}
