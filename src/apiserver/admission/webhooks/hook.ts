// One webhook of a configuration, with what is worked out once: its identity among all and its selectors.
import type { Selector } from '../../../api/meta/label-selector.ts'
import { fromLabelSelector } from '../../../api/meta/label-selector.ts'
import type { DeepReadonly } from '../../../api/meta/object.ts'
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/types/admissionregistration.v1.ts'
import type { CelConditions } from './cel-conditions.ts'

export type HookSpec = DeepReadonly<ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>>

export interface Hook {
  /** `configuration/webhook/index among those of that name`. */
  readonly uid: string
  readonly configuration: string
  readonly spec: HookSpec
  readonly namespaceSelector: Selector
  readonly objectSelector: Selector
  /** Compiled when first needed. */
  conditions: CelConditions | undefined
}

export interface Configuration {
  readonly metadata: { readonly name: string }
  readonly webhooks?: readonly HookSpec[]
}

/** @throws Error for a selector that can't be read: validation lets none in */
export function hooksOf({ metadata, webhooks = [] }: Configuration): Hook[] {
  const seen = new Map<string, number>()
  return webhooks.map((spec) => {
    const nth = seen.get(spec.name) ?? 0
    seen.set(spec.name, nth + 1)
    return {
      uid: `${metadata.name}/${spec.name}/${nth}`,
      configuration: metadata.name,
      spec,
      namespaceSelector: fromLabelSelector(spec.namespaceSelector ?? {}),
      objectSelector: fromLabelSelector(spec.objectSelector ?? {}),
      conditions: undefined,
    }
  })
}
