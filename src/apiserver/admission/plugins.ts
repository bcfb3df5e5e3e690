// The admission plug-ins, in their order. k8s: the order of the real server's recommended set, as far as they are there.
import type { Clock } from '../../base/clock.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { Store } from '../storage/store.ts'
import { type Admission, admissionChain } from './admission.ts'
import {
  certificateApproval,
  certificateRequestor,
  certificateSigning,
  certificateSubjectRestriction,
} from './certificates.ts'
import { Lookup } from './lookup.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction.ts'
import { defaultTolerationSeconds, priority, taintNodesByCondition } from './pod-defaults.ts'
import { rbacEscalation } from './rbac.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { serviceCarryOver } from './service-addresses.ts'

export interface AdmissionParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  readonly authorizer: Authorizer
}

export function standardAdmission({ store, clock, random, authorizer }: AdmissionParts): Admission {
  const lookup = new Lookup(store)
  return admissionChain([
    namespaceLifecycle(lookup),
    serviceAccount(lookup, clock, random),
    nodeRestriction,
    taintNodesByCondition,
    priority(lookup),
    defaultTolerationSeconds,
    runtimeClass(lookup),
    serviceCarryOver,
    certificateRequestor,
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    rbacEscalation(authorizer),
  ])
}
