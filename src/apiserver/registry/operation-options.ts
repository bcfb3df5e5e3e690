// The options of an operation as admission webhooks and policies are shown them: CreateOptions, UpdateOptions, DeleteOptions. k8s: of
// the operation that is performed, so that a patch has UpdateOptions, or CreateOptions where it creates.
import type { AdmissionRequest } from '../admission/admission.ts'
import type { Call } from './call.ts'
import { givenDeleteOptions } from './delete-options.ts'

const NAMES = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions' } as const

export function operationOptions(call: Call, operation: AdmissionRequest['operation']): object | undefined {
  if (operation === 'CONNECT') return undefined
  const apiVersion = 'meta.k8s.io/v1'
  if (operation === 'DELETE') {
    // An eviction's delete has its options inside the eviction.
    const given = call.info.subresource === '' ? givenDeleteOptions(call) : {}
    const { apiVersion: _version, kind: _kind, ...options } = given as Record<string, unknown>
    const { dryRun, ...rest } = options
    const dry = Array.isArray(dryRun) && dryRun.length > 0 ? { dryRun } : {}
    return { kind: 'DeleteOptions', apiVersion, ...rest, ...dry }
  }
  const dryRun = call.query.getAll('dryRun')
  const fieldManager = call.query.get('fieldManager')
  const fieldValidation = call.query.get('fieldValidation')
  return {
    kind: NAMES[operation],
    apiVersion,
    ...(dryRun.length > 0 ? { dryRun } : {}),
    ...(fieldManager ? { fieldManager } : {}),
    ...(fieldValidation ? { fieldValidation } : {}),
  }
}
