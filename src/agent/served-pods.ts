// The pods of this node as the agent's HTTPS server sees them: which container is the current one, which the one before.
import type { Pod } from '../api/kinds/pod.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { attemptsOf, currentSandbox, podContainers } from './pods/containers.ts'
import type { PodPool } from './pods/pod-pool.ts'
import type { PodLookup, ServedContainer, ServedPod } from './server/lookup.ts'

export function servedPods(pool: PodPool): PodLookup {
  return {
    find(namespace, name) {
      const worker = pool.find(namespace, name)
      return worker && served(worker.view)
    },
    list: () => [...pool.workers].map((worker) => served(worker.view)),
  }
}

interface View {
  pod: DeepReadonly<Pod>
  observed: Parameters<typeof currentSandbox>[0]
}

function served({ pod, observed }: View): ServedPod {
  const { metadata, status } = pod
  const sandbox = currentSandbox(observed)
  const statuses = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ]
  const containers = new Map(
    podContainers(pod).map(({ spec }): [string, ServedContainer] => {
      const [newest, previous] = attemptsOf(observed, spec.name)
      const waitingReason = statuses.find(({ name }) => name === spec.name)?.state?.waiting?.reason
      // k8s: while a container waits to be restarted, the run that ended is its last one, and so "previous".
      const ended = waitingReason !== undefined && newest?.state === 'Exited' ? newest : previous
      return [
        spec.name,
        {
          ...(newest ? { currentId: newest.id, startedAtMs: newest.startedAtMs } : {}),
          ...(ended ? { previousId: ended.id } : {}),
          ...(waitingReason ? { waitingReason } : {}),
          tty: spec.tty ?? false,
          stdin: spec.stdin ?? false,
        },
      ]
    }),
  )
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    // undefined while the pod has no sandbox that runs
    sandboxId: sandbox?.state === 'Ready' ? sandbox.id : undefined,
    phase: status?.phase ?? 'Pending',
    ...(status?.startTime ? { startedAtMs: Date.parse(status.startTime) } : {}),
    containers,
  }
}
