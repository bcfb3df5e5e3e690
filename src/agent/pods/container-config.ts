// A container as the runtime is told of it, from everything that was read and prepared before. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ContainerConfig, Image, Mount } from '../cri/runtime.ts'
import type { PodContainer } from './containers.ts'
import { type EnvVariable, expandCommand } from './env.ts'
import { containerAnnotations, containerLabels } from './labels.ts'
import { containerResources } from './resources.ts'
import { securityContext } from './security.ts'

export interface ContainerParts {
  pod: DeepReadonly<Pod>
  container: PodContainer
  attempt: number
  image: Image
  env: readonly EnvVariable[]
  mounts: readonly Mount[]
  /** The files on the node that every container gets. */
  files: { hosts: string; message: string }
  nodeMemoryBytes: number
  /** The running container that an ephemeral one is to share processes with. */
  targetId?: string
  /** The restart back-off in force; 0 for a first start. */
  restartDelayMs: number
}

/** @throws StartFailure when the security context forbids it. */
export function containerConfig(parts: ContainerParts): ContainerConfig {
  const { pod, container, attempt, image, env, mounts, files } = parts
  const { spec } = container
  const file = (containerPath: string, hostPath: string): Mount[] =>
    // What the pod mounts itself wins.
    mounts.some((m) => m.containerPath === containerPath)
      ? []
      : [{ containerPath, hostPath, readonly: false, propagation: 'private' }]
  return {
    metadata: { name: spec.name, attempt },
    imageId: image.id,
    command: expandCommand(spec.command, env),
    args: expandCommand(spec.args, env),
    workingDir: spec.workingDir || undefined,
    envs: env,
    mounts: [
      ...mounts,
      ...file('/etc/hosts', files.hosts),
      ...file(spec.terminationMessagePath || '/dev/termination-log', files.message),
    ],
    devices: [],
    labels: containerLabels(pod, spec.name),
    annotations: containerAnnotations(pod, spec, attempt, files.message, parts.restartDelayMs),
    stdin: spec.stdin ?? false,
    stdinOnce: spec.stdinOnce ?? false,
    tty: spec.tty ?? false,
    resources: containerResources(pod, spec, parts.nodeMemoryBytes),
    security: { ...securityContext(pod, spec, image), ...(parts.targetId ? { targetId: parts.targetId } : {}) },
  }
}
