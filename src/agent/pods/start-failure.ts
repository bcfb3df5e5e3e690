// A container that could not be started for a reason that a user is to read in its status: `reason` becomes state.waiting.reason.
export class StartFailure extends Error {
  readonly reason: string
  /** Whether an event has told of it already. */
  readonly told: boolean
  /** Not to be tried again before this time; undefined: after the usual delay. */
  readonly retryAtMs: number | undefined

  constructor(reason: string, message: string, options: ErrorOptions & { told?: boolean; retryAtMs?: number } = {}) {
    super(message, options)
    this.name = 'StartFailure'
    this.reason = reason
    this.told = options.told ?? false
    this.retryAtMs = options.retryAtMs
  }
}

/** k8s: `CreateContainerConfigError` for whatever is wrong with what a container's configuration refers to. */
export const configError = (message: string) => new StartFailure('CreateContainerConfigError', message)
