// Custom resources from one version into another. Strategy None only changes what the object says its version is; strategy Webhook asks
// a web service, with all objects of a request at once and in order. What it may not change (identity, metadata but labels and
// annotations) is checked and put back. Nothing is remembered. k8s: the sentences.
import { randomUUID } from 'node:crypto'
import { StatusError } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { CustomResourceConversion } from '../../api/types/apiextensions.v1.ts'

export interface ConversionTarget {
  readonly url?: string | undefined
  readonly service?:
    | { namespace: string; name: string; path?: string | undefined; port?: number | undefined }
    | undefined
  readonly caBundle?: string | undefined
}

/** How a review gets to the web service and an answer back; its errors' messages are shown. */
export type PostReview = (
  target: ConversionTarget,
  review: object,
  options: { timeoutMs: number; signal: AbortSignal },
) => Promise<unknown>

export type Convert = (objects: readonly Obj[], apiVersion: string) => Promise<readonly Obj[]>
type Obj = DeepReadonly<KubeObject>

/** k8s: reviews are given half a minute. */
const TIMEOUT_MS = 30_000

/** k8s: strategy None. */
export const withVersion = (object: Obj, apiVersion: string): Obj =>
  object.apiVersion === apiVersion ? object : { ...object, apiVersion }

export function webhookConversion(
  conversion: DeepReadonly<CustomResourceConversion>,
  post: PostReview,
  signal: AbortSignal,
): Convert {
  const { clientConfig, conversionReviewVersions } = conversion.webhook!
  const reviewVersion = conversionReviewVersions.find((version) => version === 'v1' || version === 'v1beta1')
  return async (objects, apiVersion) => {
    const sent = objects.filter((object) => object.apiVersion !== apiVersion)
    if (sent.length === 0) return objects
    const subject = subjectOf(sent[0]!)
    if (!reviewVersion) throw failed('no supported conversion review versions')
    const uid = randomUUID()
    const answer = await post(clientConfig as ConversionTarget, reviewOf(reviewVersion, uid, sent, apiVersion), {
      timeoutMs: TIMEOUT_MS,
      signal,
    }).catch((err: Error) => {
      throw failed(`conversion webhook for ${subject} failed: ${err.message}`, err)
    })
    const converted = convertedIn(answer, reviewVersion, uid, subject)
    if (converted.length !== sent.length) {
      throw failed(`conversion webhook for ${subject} returned ${converted.length} objects, expected ${sent.length}`)
    }
    let next = 0
    return objects.map((object) => {
      if (object.apiVersion === apiVersion) return object
      const at = next++
      return restored(object, converted[at], apiVersion, `conversion webhook for ${subject} returned invalid`, at)
    })
  }
}

const failed = (message: string, cause?: unknown) => new StatusError(500, '', message, undefined, { cause })
/** As the real server prints a kind. */
const subjectOf = ({ apiVersion, kind }: Obj) => `${apiVersion}, Kind=${kind}`

function reviewOf(version: string, uid: string, objects: readonly Obj[], desiredAPIVersion: string): object {
  return {
    kind: 'ConversionReview',
    apiVersion: `apiextensions.k8s.io/${version}`,
    request: { uid, desiredAPIVersion, objects },
  }
}

interface Review {
  apiVersion?: unknown
  kind?: unknown
  response?: { uid?: unknown; convertedObjects?: unknown; result?: { status?: unknown; message?: unknown } }
}

function convertedIn(answer: unknown, version: string, uid: string, subject: string): unknown[] {
  const fail = (why: string) => failed(`conversion webhook for ${subject} failed: ${why}`)
  const { apiVersion, kind, response } = (answer ?? {}) as Review
  const expected = `apiextensions.k8s.io/${version}`
  if (version === 'v1' && (apiVersion !== expected || kind !== 'ConversionReview')) {
    const got = `${apiVersion ?? ''}, Kind=${kind ?? ''}`
    throw fail(`expected webhook response of ${expected}, Kind=ConversionReview, got ${got}`)
  }
  if (!response) throw fail('no response provided')
  if (version === 'v1' && response.uid !== uid) {
    throw fail(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`)
  }
  const { status, message } = response.result ?? {}
  if (status !== 'Success') {
    throw fail(message ? String(message) : `response.result.status was '${status ?? ''}', not 'Success'`)
  }
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : []
}

/** The converted object under the metadata of the original, but for labels and annotations. */
function restored(original: Obj, given: unknown, apiVersion: string, prefix: string, index: number): Obj {
  const wrong = (why: string) => failed(`${prefix} object at index ${index}: ${why}`)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw failed(`${prefix} converted object at index ${index}: not an object`)
  }
  const converted = given as Partial<KubeObject>
  if (converted.apiVersion !== apiVersion) {
    throw wrong(`invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ''})`)
  }
  if (converted.kind !== original.kind) {
    throw wrong(`invalid kind (expected ${original.kind}, received ${converted.kind ?? ''})`)
  }
  const metadata = converted.metadata as unknown
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw failed(`${prefix} metadata: missing metadata in converted object`)
  }
  for (const [field, name] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [before = '', after = ''] = [original.metadata[field], (metadata as KubeObject['metadata'])[field]]
    if (before !== after) throw failed(`${prefix} object: must have the same ${name}: ${before} != ${after}`)
  }
  const { labels, annotations } = metadata as KubeObject['metadata']
  checkTexts(labels, 'labels', prefix)
  checkTexts(annotations, 'annotations', prefix)
  const { labels: _labels, annotations: _annotations, ...own } = cloneJson(original.metadata) as KubeObject['metadata']
  return {
    ...(converted as KubeObject),
    metadata: { ...own, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) } as never,
  }
}

function checkTexts(map: unknown, field: string, prefix: string): void {
  if (map === undefined || map === null) return
  const wrong = typeof map !== 'object' || Object.values(map as object).some((value) => typeof value !== 'string')
  if (wrong) throw failed(`${prefix} metadata: invalid metadata.${field}: values must be strings`)
}
