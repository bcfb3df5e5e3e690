// The two admission plug-ins that ask web services of the cluster's users. Here is only what a cluster without any needs: the index
// of what is configured. What calls them is loaded for the first request after the first configuration.
import { invalidObject } from '../../../api/meta/errors.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import type { WithConditions } from './condition-rules.ts'
import type { Dispatcher, DispatchParts } from './dispatch.ts'
import { HookIndex } from './hook-index.ts'
import { isExempt } from './match.ts'

/** The expressions of webhook configurations, which the kinds' own rules can't read. */
export const webhookConditions: AdmissionPlugin = {
  name: 'WebhookConditions',
  concerns: (kind) => kind.group === 'admissionregistration.k8s.io',
  async validate({ kind, operation, subresource, object, old, name }) {
    const concerned = kind.group === 'admissionregistration.k8s.io' && kind.kind.endsWith('WebhookConfiguration')
    if (!concerned || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const configuration = object as WithConditions
    if (!configuration.webhooks?.some(({ matchConditions }) => matchConditions?.length)) return
    const { conditionErrors } = await import('./condition-rules.ts')
    const errors = conditionErrors(configuration, old as WithConditions | undefined)
    if (errors.length > 0) throw invalidObject(kind, name, errors)
  },
}

export class AdmissionWebhooks {
  readonly mutating: AdmissionPlugin
  readonly validating: AdmissionPlugin
  readonly #parts: DispatchParts
  readonly #indexes: readonly HookIndex[]
  #dispatcher: Promise<Dispatcher> | undefined

  private constructor(parts: DispatchParts, mutating: HookIndex, validating: HookIndex) {
    this.#parts = parts
    this.#indexes = [mutating, validating]
    this.mutating = {
      name: 'MutatingAdmissionWebhook',
      mutate: (request) => this.#dispatch(mutating, request, 'mutate'),
    }
    this.validating = {
      name: 'ValidatingAdmissionWebhook',
      validate: (request) => this.#dispatch(validating, request, 'validate'),
    }
  }

  static async open(parts: DispatchParts): Promise<AdmissionWebhooks> {
    const { store } = parts
    return new AdmissionWebhooks(parts, await HookIndex.mutating(store), await HookIndex.validating(store))
  }

  close(): void {
    for (const index of this.#indexes) index.close()
    void this.#dispatcher?.then((dispatcher) => dispatcher.close())
  }

  #dispatch({ hooks }: HookIndex, request: AdmissionRequest, how: 'mutate' | 'validate'): Promise<void> | undefined {
    if (hooks.length === 0 || isExempt(request.kind)) return undefined
    this.#dispatcher ??= import('./dispatch.ts').then(({ Dispatcher }) => new Dispatcher(this.#parts))
    return this.#dispatcher.then((dispatcher) => dispatcher[how](request, hooks))
  }
}
