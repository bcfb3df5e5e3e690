// Finds a pod's sandbox and containers by name, for those who stream logs, run commands, attach or forward ports.
import type { Pod } from '../api/kinds/pod.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { ContainerStatus } from './cri/runtime.ts'
import { attemptsOf, currentSandbox, podContainers } from './pods/containers.ts'
import type { PodPool } from './pods/pod-pool.ts'

export interface FoundContainer {
  name: string
  /** undefined before it was first created. */
  currentId: string | undefined
  /** The attempt before: `kubectl logs --previous`. */
  previousId: string | undefined
  status: ContainerStatus | undefined
  tty: boolean
  stdin: boolean
}
export interface FoundPod {
  uid: string
  pod: DeepReadonly<Pod>
  /** undefined while the pod has no sandbox that runs. */
  sandboxId: string | undefined
  /** In the order of the spec: init, app, ephemeral. */
  containers: ReadonlyMap<string, FoundContainer>
}
export interface PodLookup {
  find(namespace: string, name: string): FoundPod | undefined
  list(): FoundPod[]
}

export function podLookup(pool: PodPool): PodLookup {
  const found = ({
    pod,
    observed,
  }: {
    pod: DeepReadonly<Pod>
    observed: Parameters<typeof currentSandbox>[0]
  }): FoundPod => {
    const sandbox = currentSandbox(observed)
    const containers = new Map(
      podContainers(pod).map(({ spec }) => {
        const [newest, previous] = attemptsOf(observed, spec.name)
        const entry: FoundContainer = {
          name: spec.name,
          currentId: newest?.id,
          previousId: previous?.id,
          status: newest,
          tty: spec.tty ?? false,
          stdin: spec.stdin ?? false,
        }
        return [spec.name, entry] as const
      }),
    )
    return { uid: pod.metadata.uid, pod, sandboxId: sandbox?.state === 'Ready' ? sandbox.id : undefined, containers }
  }
  return {
    find(namespace, name) {
      const worker = pool.find(namespace, name)
      return worker && found(worker.view)
    },
    list: () => [...pool.workers].map((worker) => found(worker.view)),
  }
}
