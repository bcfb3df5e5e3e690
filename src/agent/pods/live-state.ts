// What the runtime has of one pod, as far as is known: filled by a relist, kept up by events and by what the worker itself does. A
// container is asked about once per change, however many ask.
import type { Ctx } from '../../base/ctx.ts'
import {
  type ContainerStatus,
  type PodSandbox,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeService,
} from '../cri/runtime.ts'
import type { Observed } from './containers.ts'
import { terminationMessage } from './termination-message.ts'

export class LiveState {
  readonly #runtime: RuntimeService
  readonly #sandboxes = new Map<string, PodSandbox>()
  readonly #containers = new Map<string, ContainerStatus>()
  readonly #messages = new Map<string, string>()
  readonly #inspecting = new Map<string, Promise<ContainerStatus | undefined>>()

  constructor(runtime: RuntimeService) {
    this.#runtime = runtime
  }

  get observed(): Observed {
    return { sandboxes: [...this.#sandboxes.values()], containers: [...this.#containers.values()] }
  }
  /** Termination messages by container id. */
  get messages(): ReadonlyMap<string, string> {
    return this.#messages
  }
  container(id: string): ContainerStatus | undefined {
    return this.#containers.get(id)
  }

  /** Everything that the runtime has of this pod; what is not in it is gone. */
  async replace(ctx: Ctx, found: Observed): Promise<void> {
    const messages = await Promise.all(
      found.containers.map(async (c) => (c.state === 'Exited' ? await terminationMessage(ctx, this.#runtime, c) : '')),
    )
    this.#sandboxes.clear()
    for (const sandbox of found.sandboxes) this.#sandboxes.set(sandbox.id, sandbox)
    this.#containers.clear()
    for (const [index, container] of found.containers.entries()) {
      this.#containers.set(container.id, container)
      const message = messages[index]
      if (message) this.#messages.set(container.id, message)
    }
  }

  setSandbox(sandbox: PodSandbox): void {
    this.#sandboxes.set(sandbox.id, sandbox)
  }
  dropSandbox(id: string): void {
    this.#sandboxes.delete(id)
    for (const container of [...this.#containers.values()])
      if (container.podSandboxId === id) this.dropContainer(container.id)
  }
  dropContainer(id: string): void {
    this.#containers.delete(id)
    this.#messages.delete(id)
  }

  /** Asks the runtime about one container; undefined when it is gone. */
  inspect(ctx: Ctx, id: string): Promise<ContainerStatus | undefined> {
    const running = this.#inspecting.get(id)
    if (running) return running
    const inspecting = this.#inspect(ctx, id).finally(() => this.#inspecting.delete(id))
    this.#inspecting.set(id, inspecting)
    return inspecting
  }

  async #inspect(ctx: Ctx, id: string): Promise<ContainerStatus | undefined> {
    try {
      const status = await this.#runtime.containerStatus(ctx, id)
      if (status.state === 'Exited' && !this.#messages.has(id)) {
        const message = await terminationMessage(ctx, this.#runtime, status)
        if (message) this.#messages.set(id, message)
      }
      this.#containers.set(id, status)
      return status
    } catch (err) {
      if (!(err instanceof RuntimeError) || err.code !== 'NotFound') throw err
      this.dropContainer(id)
      return undefined
    }
  }

  /**
   * @param starting whether the container is being started by the worker, who will ask about it himself
   * @returns whether something is known to have changed
   */
  async apply(ctx: Ctx, event: RuntimeEvent, starting: boolean): Promise<boolean> {
    const { containerId: id } = event
    switch (event.type) {
      case 'ContainerStarted':
        if (starting || this.#containers.get(id)?.state === 'Running') return false
        await this.inspect(ctx, id)
        return true
      case 'ContainerStopped': {
        if (this.#containers.get(id)?.state === 'Exited') return false
        // An inspection under way may have begun before the end.
        await this.#inspecting.get(id)
        if (this.#containers.get(id)?.state !== 'Exited') await this.inspect(ctx, id)
        return true
      }
      case 'ContainerOOM':
        if (!this.#containers.has(id)) return false
        await this.#inspecting.get(id)
        await this.inspect(ctx, id)
        return true
      case 'ContainerDeleted':
        if (!this.#containers.has(id)) return false
        this.dropContainer(id)
        return true
      case 'SandboxStopped': {
        const sandbox = this.#sandboxes.get(id)
        if (sandbox?.state !== 'Ready') return false
        this.#sandboxes.set(id, { ...sandbox, state: 'NotReady', ips: [] })
        return true
      }
      case 'SandboxDeleted':
        if (!this.#sandboxes.has(id)) return false
        this.dropSandbox(id)
        return true
      case 'SandboxStarted':
        return false
    }
  }
}
