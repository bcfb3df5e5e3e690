// The settings of single plug-ins, as they come out of an AdmissionConfiguration.

import type { ScopeRule } from '../quota/usage.ts'
import type { PodSecuritySettings } from './pod-security/policy.ts'

/** What nobody may use in a namespace without a quota for it. */
export interface LimitedResource {
  readonly apiGroup?: string | undefined
  readonly resource: string
  readonly matchContains?: readonly string[] | undefined
  readonly matchScopes?: readonly ScopeRule[] | undefined
}

export interface PluginConfigurations {
  readonly PodSecurity?: PodSecuritySettings
  readonly ResourceQuota?: readonly LimitedResource[]
}
