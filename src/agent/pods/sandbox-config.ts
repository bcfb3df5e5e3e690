// A pod's sandbox as the runtime is told of it. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { PodSandboxConfig } from '../cri/runtime.ts'
import { podContainers } from './containers.ts'
import type { PodNames } from './hosts.ts'
import { sandboxLabels } from './labels.ts'

export function sandboxConfig(
  pod: DeepReadonly<Pod>,
  attempt: number,
  names: PodNames,
  dnsConfig: PodSandboxConfig['dnsConfig'],
): PodSandboxConfig {
  const { name, namespace = '', uid } = pod.metadata
  const spec = pod.spec
  const hostNetwork = spec?.hostNetwork ?? false
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: names.hostname,
    logDirectory: `/var/log/pods/${namespace}_${name}_${uid}`,
    dnsConfig,
    portMappings: hostNetwork
      ? []
      : podContainers(pod).flatMap((c) =>
          (c.spec.ports ?? [])
            .filter((p) => (p.hostPort ?? 0) > 0)
            .map((p) => ({
              protocol: p.protocol ?? 'TCP',
              containerPort: p.containerPort,
              hostPort: p.hostPort ?? 0,
              hostIP: p.hostIP ?? '',
            })),
        ),
    labels: sandboxLabels(pod),
    annotations: { ...pod.metadata.annotations },
    linux: {
      cgroupParent: undefined,
      hostNetwork,
      hostPID: spec?.hostPID ?? false,
      hostIPC: spec?.hostIPC ?? false,
      shareProcessNamespace: spec?.shareProcessNamespace ?? false,
      sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((s) => [s.name, s.value])),
    },
  }
}
