// The settings of single plug-ins, as they come out of an AdmissionConfiguration.
import type { ScopeRule } from '../quota/usage.ts'

/** What nobody may use in a namespace without a quota for it. */
export interface LimitedResource {
  readonly apiGroup?: string | undefined
  readonly resource: string
  readonly matchContains?: readonly string[] | undefined
  readonly matchScopes?: readonly ScopeRule[] | undefined
}

export interface PluginConfigurations {
  readonly ResourceQuota?: readonly LimitedResource[]
}
