// Security contexts of pod and container, merged into what the runtime is told. The container's word wins over the pod's. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { Image, LinuxSecurityContext } from '../cri/runtime.ts'
import { type ContainerSpec, podTitle } from './containers.ts'
import { configError } from './start-failure.ts'

/** @throws StartFailure when the container must not run as root and would, or might. */
export function securityContext(
  pod: DeepReadonly<Pod>,
  spec: ContainerSpec,
  image: Pick<Image, 'user'>,
): LinuxSecurityContext {
  const own = spec.securityContext ?? {}
  const shared = pod.spec?.securityContext ?? {}
  const runAsUser = own.runAsUser ?? shared.runAsUser
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup
  if (own.runAsNonRoot ?? shared.runAsNonRoot) checkNonRoot(pod, spec, runAsUser, image.user)
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])]
  const privileged = own.privileged ?? false
  const seccomp = seccompName(own.seccompProfile ?? shared.seccompProfile)
  const apparmor = apparmorName(own.appArmorProfile ?? shared.appArmorProfile)
  return {
    privileged,
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: [...new Set(groups)],
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    noNewPrivileges: own.allowPrivilegeEscalation === false && !privileged,
    ...(seccomp && !privileged ? { seccomp } : {}),
    ...(apparmor && !privileged ? { apparmor } : {}),
    hostPID: pod.spec?.hostPID ?? false,
    hostIPC: pod.spec?.hostIPC ?? false,
    hostNetwork: pod.spec?.hostNetwork ?? false,
  }
}

/** k8s: the messages are what users search for. */
function checkNonRoot(
  pod: DeepReadonly<Pod>,
  spec: ContainerSpec,
  runAsUser: number | undefined,
  imageUser: string,
): void {
  const where = `(pod: "${podTitle(pod)}", container: ${spec.name})`
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw configError(`container's runAsUser breaks non-root policy ${where}`)
    return
  }
  const user = imageUser.split(':')[0] ?? ''
  if (user === '' || user === '0') throw configError(`container has runAsNonRoot and image will run as root ${where}`)
  if (!/^\d+$/.test(user))
    throw configError(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`,
    )
}

const seccompName = (profile: DeepReadonly<v1.SeccompProfile> | undefined) =>
  profile && (profile.type === 'Localhost' ? `Localhost/${profile.localhostProfile ?? ''}` : profile.type)

const apparmorName = (profile: DeepReadonly<v1.AppArmorProfile> | undefined) =>
  profile && (profile.type === 'Localhost' ? `Localhost/${profile.localhostProfile ?? ''}` : profile.type)
