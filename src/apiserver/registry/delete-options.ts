// What a delete asks for, from its body or its query, checked.
import { badRequest, type FieldError, invalid, invalidObject, notSupported } from '../../api/meta/errors.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { structNamed } from '../../api/schema/tables.ts'
import type { DeleteOptions as Body } from '../../api/types/meta.v1.ts'
import type { Call } from './call.ts'
import type { DeleteOptions } from './lifecycle.ts'
import { isInteger, unparsed } from './list-options.ts'
import { dryRunErrors } from './write-options.ts'

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const

/** As the client sent them, not checked yet. @throws BadRequest */
export function givenDeleteOptions({ request, query }: Call): Partial<Body> {
  const { body } = request
  return body && !(body instanceof Uint8Array && body.length === 0) ? fromBody(body, request.headers) : fromQuery(query)
}

/** @throws Invalid or BadRequest */
export function parseDeleteOptions(call: Call): DeleteOptions {
  const given = givenDeleteOptions(call)
  const { propagationPolicy, orphanDependents, preconditions } = given
  const errors: FieldError[] = dryRunErrors(given.dryRun ?? [])
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push(
      invalid('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'),
    )
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy as never)) {
    errors.push(notSupported('propagationPolicy', propagationPolicy, [...POLICIES, 'nil']))
  }
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  const legacy = orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background'
  return {
    gracePeriodSeconds: given.gracePeriodSeconds,
    propagation: (propagationPolicy as DeleteOptions['propagation']) ?? legacy,
    uid: preconditions?.uid || undefined,
    resourceVersion: preconditions?.resourceVersion || undefined,
    dryRun: (given.dryRun ?? []).length > 0,
  }
}

function fromBody(body: Uint8Array | object, headers: Call['request']['headers']): Partial<Body> {
  const schema = structNamed('meta.v1.DeleteOptions')
  const target = { group: '', version: 'v1', kind: 'DeleteOptions', schema, anyVersion: true }
  return decodeBody(target, body, headers['content-type'], 'Ignore').object as Partial<Body>
}

function fromQuery(query: URLSearchParams): Partial<Body> {
  const grace = query.get('gracePeriodSeconds')
  if (grace && !isInteger(grace)) throw badRequest(unparsed('ParseInt', grace))
  const policy = query.get('propagationPolicy')
  const orphan = query.get('orphanDependents')
  return {
    ...(grace ? { gracePeriodSeconds: Number(grace) } : {}),
    ...(policy ? { propagationPolicy: policy } : {}),
    ...(orphan ? { orphanDependents: orphan === 'true' || orphan === '1' } : {}),
    dryRun: query.getAll('dryRun'),
  }
}
