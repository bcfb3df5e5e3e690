// APIService: who serves a group-version: this server, or another one behind a Service.
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { dns1035Label, dnsSubdomain, pathSegment } from '../meta/names.ts'
import type * as types from '../types/apiregistration.v1.ts'
import { checkName } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type APIService = types.APIService

const MAX_GROUP_PRIORITY = 20_000
const MAX_VERSION_PRIORITY = 1000

/** `Local`, or where it is: `kube-system/metrics-server`. */
const serviceText = ({ spec }: { spec?: Pick<types.APIServiceSpec, 'service'> }) =>
  spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local'

interface Conditioned {
  readonly status?: { readonly conditions?: readonly Partial<types.APIServiceCondition>[] }
}

/** k8s: a condition that isn't True is shown with its reason. */
function availableText({ status }: Conditioned): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available')
  if (!condition) return 'Unknown'
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`
}

export const APIService = defineKind<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  scope: 'Cluster',
  categories: ['api-extensions'],
  subresources: ['status'],
  description: 'Names the server of an API group and version: this one, or another one behind a Service.',
  columns: [
    text('Service', serviceText, 'Where the group-version is served.'),
    text('Available', availableText, 'Whether it can be used.'),
    age(),
  ],
  validateName: pathSegment,
  default({ spec }) {
    if (spec?.service) spec.service.port ??= 443
  },
  validate({ metadata, spec }) {
    const errors: FieldError[] = []
    const {
      group = '',
      version = '',
      groupPriorityMinimum,
      versionPriority,
      service,
      caBundle,
      insecureSkipTLSVerify,
    } = spec ?? {}
    const name = `${version}.${group}`
    if (metadata.name !== name) {
      const why = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`
      errors.push(invalid('metadata.name', metadata.name, why))
    }
    if (group === '' && version !== 'v1') {
      errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'))
    }
    if (group !== '') checkName(errors, 'spec.group', group, dnsSubdomain)
    checkName(errors, 'spec.version', version, dns1035Label)
    const within = (field: string, value: number | undefined, most: number) => {
      if (value !== undefined && value > 0 && value <= most) return
      errors.push(invalid(`spec.${field}`, value ?? 0, `must be positive and less than ${most}`))
    }
    within('groupPriorityMinimum', groupPriorityMinimum, MAX_GROUP_PRIORITY)
    within('versionPriority', versionPriority, MAX_VERSION_PRIORITY)
    if (!service) {
      const sizeBytes = Buffer.from(caBundle ?? '', 'base64').length
      if (sizeBytes > 0) {
        errors.push(invalid('spec.caBundle', `${sizeBytes} bytes`, 'local APIServices may not have a caBundle'))
      }
      if (insecureSkipTLSVerify) {
        const why = 'local APIServices may not have insecureSkipTLSVerify'
        errors.push(invalid('spec.insecureSkipTLSVerify', true, why))
      }
      return errors
    }
    if (!service.namespace) errors.push(required('spec.service.namespace'))
    if (!service.name) errors.push(required('spec.service.name'))
    if (insecureSkipTLSVerify && caBundle) {
      errors.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'))
    }
    return errors
  },
  validateStatusUpdate({ status }) {
    return (status?.conditions ?? []).flatMap((condition, i) =>
      ['True', 'False', 'Unknown'].includes(condition.status)
        ? []
        : [notSupported(`status.conditions[${i}].status`, condition.status, ['True', 'False', 'Unknown'])],
    )
  },
})
