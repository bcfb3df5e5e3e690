// The settings of single plug-ins, as they come out of an AdmissionConfiguration.

export interface PluginConfigurations {
  readonly EventRateLimit?: object
}
