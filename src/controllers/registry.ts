// The list of all controllers, in the order they are started, and the one function that runs them.
import { builtinKinds } from '../api/kinds/builtin.ts'
import type { KeyPair } from '../base/certificates.ts'
import type { Ctx } from '../base/ctx.ts'
import { bootstrapSigner } from './bootstrap/bootstrap-signer.ts'
import { tokenCleaner } from './bootstrap/token-cleaner.ts'
import { csrApproving } from './certificates/csr-approving.ts'
import { csrCleaner } from './certificates/csr-cleaner.ts'
import { csrSigning } from './certificates/csr-signing.ts'
import { clusterRoleAggregation } from './cluster-role-aggregation.ts'
import { controlPlaneRole } from './control-plane-role.ts'
import type { Controller } from './controller.ts'
import { deployment } from './deployment.ts'
import { disruption } from './disruption.ts'
import { endpoint } from './endpoint.ts'
import { endpointSlice } from './endpoint-slice.ts'
import { endpointSliceMirroring } from './endpoint-slice-mirroring.ts'
import { runGarbageCollector } from './garbage-collector.ts'
import { legacyTokenCleaner } from './legacy-token-cleaner.ts'
import { deletableKinds, isNamespaced, namespaceController } from './namespace.ts'
import { nodeLifecycle } from './node-lifecycle.ts'
import { podGc } from './pod-gc.ts'
import { replicaSet } from './replica-set.ts'
import { replicationController } from './replication-controller.ts'
import { rootCa } from './root-ca.ts'
import { type RunnerDeps, runControllers } from './runner.ts'
import { serviceAccount } from './service-account.ts'
import { serviceAccountToken, type TokenSigner } from './service-account-token.ts'
import { pvcProtection, pvProtection } from './storage-protection.ts'
import { taintEviction } from './taint-eviction.ts'
import { validatingAdmissionPolicyStatus } from './validating-admission-policy-status.ts'

export interface ControllersOptions {
  /** PEM of the authority behind the API server's certificate. */
  ca: string
  /** Signs certificates on request; without it nothing is signed. */
  authority?: KeyPair
  /** Of the cluster alone, without a user: for those who join. Without it there is no cluster-info. */
  clusterInfo?: string
  /** The node beside the control plane; none where there is no agent. */
  ownNode?: string
  signToken: TokenSigner
}

/** Some hold state (timers' beginnings, nodes' last signs of life): every call makes a fresh set. */
export function controllers({
  ca,
  authority,
  clusterInfo,
  ownNode,
  signToken,
}: ControllersOptions): Controller<never>[] {
  return [
    serviceAccount,
    rootCa(ca),
    serviceAccountToken(ca, signToken),
    namespaceController(deletableKinds(builtinKinds).filter(isNamespaced)),
    deployment,
    replicaSet,
    replicationController,
    endpointSlice,
    endpoint,
    endpointSliceMirroring,
    nodeLifecycle(),
    taintEviction(),
    podGc(),
    clusterRoleAggregation,
    validatingAdmissionPolicyStatus,
    pvcProtection,
    pvProtection,
    disruption,
    csrApproving,
    ...(authority ? [csrSigning(authority)] : []),
    csrCleaner,
    ...(clusterInfo ? [bootstrapSigner(clusterInfo)] : []),
    tokenCleaner,
    ...(ownNode ? [controlPlaneRole(ownNode)] : []),
    legacyTokenCleaner,
  ]
}

/** Runs every controller until the ctx is aborted; resolves after all have stopped. */
export async function runAllControllers(ctx: Ctx, deps: RunnerDeps, options: ControllersOptions): Promise<void> {
  await Promise.all([
    runControllers(ctx, deps, controllers(options)),
    runGarbageCollector(ctx, deps, collectableKinds()),
  ])
}

/** k8s: events are never collected; they expire. */
const collectableKinds = () => deletableKinds(builtinKinds).filter(({ kind }) => kind !== 'Event')
