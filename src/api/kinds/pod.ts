// Pod: its rules stand in pod-validation/, its defaults in pod-spec-defaults.ts, its columns in pod-columns.ts.
import { qosClass } from '../meta/pods.ts'
import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'
import { mergeMatchLabelKeys } from './match-label-keys.ts'
import { podColumns } from './pod-columns.ts'
import { defaultPod } from './pod-spec-defaults.ts'
import { validateResize } from './pod-validation/resize.ts'
import { validatePodCreate } from './pod-validation/spec.ts'
import { validatePodStatusUpdate } from './pod-validation/status.ts'
import { validateEphemeralContainersUpdate, validatePodUpdate } from './pod-validation/update.ts'
import { podWarnings } from './pod-validation/warnings.ts'

export type Pod = types.Pod

export const Pod = defineKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  scope: 'Namespaced',
  shortNames: ['po'],
  categories: ['all'],
  subresources: [
    'status',
    'binding',
    'eviction',
    'log',
    'exec',
    'attach',
    'portforward',
    'proxy',
    'ephemeralcontainers',
    'resize',
  ],
  description: 'A group of containers that run together on one node and share its network address and volumes.',
  columns: podColumns,
  selectableFields: {
    'spec.nodeName': (pod) => pod.spec.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec.hostNetwork ?? false),
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIP ?? pod.status?.podIPs?.[0]?.ip ?? '',
    'status.podIPs': (pod) => pod.status?.podIP ?? pod.status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
  },
  default(pod) {
    pod.spec ??= { containers: [] }
    defaultPod(pod)
  },
  validate: validatePodCreate,
  validateChange: validatePodUpdate,
  warnings: (pod, old) => (old ? [] : podWarnings(pod)),
  validateStatusUpdate: validatePodStatusUpdate,
  validateSubresource: { ephemeralcontainers: validateEphemeralContainersUpdate, resize: validateResize },
  prepareForCreate(pod) {
    mergeMatchLabelKeys(pod.spec, pod.metadata.labels ?? {})
    pod.status = { phase: 'Pending', qosClass: qosClass(pod) }
    if (pod.spec.schedulingGates?.length) {
      pod.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
        },
      ]
    }
  },
  gracePeriodSeconds(pod) {
    // k8s: what has ended, or was never given to a node, goes at once
    if (!pod.spec.nodeName || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return 0
    const seconds = pod.spec.terminationGracePeriodSeconds ?? 30
    return seconds < 0 ? 1 : seconds
  },
})
