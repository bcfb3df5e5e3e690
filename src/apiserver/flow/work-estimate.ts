// How many seats a request takes. Most take one; a list, and a watch that begins with all that exists, takes one for every hundred
// objects that have to be looked at, up to ten. Pure.
import type { RequestInfo } from '../request-info.ts'
import { isTrue } from '../request-info.ts'

/** k8s: as the real estimator. */
const OBJECTS_PER_SEAT = 100
const MOST_SEATS = 10

/** @param stored how many objects there are of the kind */
export function workWidth(info: RequestInfo, query: URLSearchParams, stored: () => number): number {
  const { verb, name } = info
  if (verb === 'watch') return beginsWithAll(query) && !name ? seatsFor(stored()) : 1
  if (verb === 'deletecollection') return seatsFor(stored())
  if (verb !== 'list' || name) return 1
  const limit = Number(query.get('limit')) || 0
  const count = stored()
  if (limit === 0) return seatsFor(count)
  const selected = query.has('labelSelector') || query.has('fieldSelector')
  return seatsFor(Math.min(count, selected ? count : limit * 2))
}

function beginsWithAll(query: URLSearchParams): boolean {
  if (query.has('sendInitialEvents')) return isTrue(query.get('sendInitialEvents'))
  const version = query.get('resourceVersion') ?? ''
  return version === '' || version === '0'
}

const seatsFor = (objects: number) => Math.min(MOST_SEATS, Math.max(1, Math.ceil(objects / OBJECTS_PER_SEAT)))
