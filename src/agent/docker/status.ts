// From what the engine says of a container to CRI's ContainerStatus. Pure.
import type { ContainerInspectInfo } from 'dockerode'
import type { ContainerStatus, Image } from '../cri/runtime.ts'
import { userWords } from './engine.ts'
import { containerFacts, splitLabels } from './labels.ts'

export function containerStatusOf(info: ContainerInspectInfo, image: Image | undefined): ContainerStatus {
  const { State: state } = info
  const { metadata, sandboxId } = containerFacts(info.Config.Labels)
  const createdAtMs = Date.parse(info.Created)
  const exitCode = state.ExitCode
  const base = {
    id: info.Id,
    podSandboxId: sandboxId,
    metadata,
    createdAtMs,
    image: image?.tags[0] ?? image?.digests[0] ?? info.Config.Image,
    imageId: info.Image,
    imageRef: image?.digests[0] ? `docker-pullable://${image.digests[0]}` : info.Image,
    ...splitLabels(info.Config.Labels),
  }
  if (state.Running || state.Paused || state.Restarting)
    return {
      ...base,
      state: 'Running',
      startedAtMs: timeOf(state.StartedAt),
      finishedAtMs: 0,
      exitCode: 0,
      signal: 0,
      reason: '',
      message: '',
    }
  const startedAtMs = timeOf(state.StartedAt)
  if (startedAtMs === 0 && exitCode === 0 && !state.Error)
    return {
      ...base,
      state: 'Created',
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      signal: 0,
      reason: '',
      message: '',
    }
  // A start that failed leaves it "created", with the error. k8s: then all its times are that of its creation.
  const cannotRun = state.Error !== '' && (startedAtMs === 0 || exitCode === 128)
  return {
    ...base,
    state: 'Exited',
    startedAtMs: startedAtMs || createdAtMs,
    finishedAtMs: timeOf(state.FinishedAt) || createdAtMs,
    exitCode: cannotRun && exitCode === 0 ? 128 : exitCode,
    signal: exitCode > 128 && exitCode < 128 + 65 && !cannotRun ? exitCode - 128 : 0,
    reason: state.OOMKilled ? 'OOMKilled' : cannotRun ? 'ContainerCannotRun' : exitCode === 0 ? 'Completed' : 'Error',
    message: userWords(state.Error),
  }
}

/** The engine writes year 1 for "never". */
function timeOf(text: string): number {
  const ms = Date.parse(text)
  return Math.max(ms || 0, 0)
}
