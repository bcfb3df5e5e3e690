// How much room the database takes on the disk, for /metrics: looked up when somebody asks. k8s: the name that dashboards know.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatFamily, labelText } from '../base/metrics-text.ts'

const FAMILY = { name: 'apiserver_storage_size_bytes', type: 'gauge', help: 'Size of the database.' } as const

export function databaseSize(directory: string): string {
  const labels = labelText({ storage_cluster_id: 'etcd-0' })
  return formatFamily(FAMILY, [`${FAMILY.name}${labels} ${sizeBytes(directory)}`])
}

/** Files come and go while they are looked at. */
function sizeBytes(directory: string): number {
  let sum = 0
  for (const name of readdirSync(directory)) {
    sum += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0
  }
  return sum
}
