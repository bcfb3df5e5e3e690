// How the agent's server finds pods: the pod workers give it, the server only reads.

export interface ServedContainer {
  /** In the runtime: the one that runs, or else the one that ran last. Absent while it waits for its first start. */
  currentId?: string
  /** The one before that restarted or, while it waits in CrashLoopBackOff, the one that ran last. k8s: status.lastState. */
  previousId?: string
  /** status.state.waiting.reason, while it waits. */
  waitingReason?: string
  tty: boolean
  stdin: boolean
  startedAtMs?: number
}

export interface ServedPod {
  namespace: string
  name: string
  uid: string
  sandboxId: string | undefined
  phase: string
  startedAtMs?: number
  /** Init, regular and ephemeral containers by name. */
  containers: ReadonlyMap<string, ServedContainer>
}

export interface PodLookup {
  find(namespace: string, name: string): ServedPod | undefined
  list(): Iterable<ServedPod>
}
