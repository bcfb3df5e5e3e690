// Values as error messages show them: of some types the server shows its own form, all fields with capitals, in the type's order.
// k8s: clients have seen these texts for long.

/** @param fields what the type has: by their JSON names, each with what it is when it isn't given */
export function internalShape(value: object | undefined, fields: Readonly<Record<string, unknown>>): object {
  const given = (value ?? {}) as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    Object.entries(fields).map(([key, absent]) => [capital(key), capitals(given[key] ?? absent)]),
  )
}

const capital = (key: string) =>
  key === 'seLinuxOptions' ? 'SELinuxOptions' : key.charAt(0).toUpperCase() + key.slice(1)

function capitals(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(capitals)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [capital(key), capitals(item)]))
}

export const SECURITY_CONTEXT_FIELDS = {
  capabilities: null,
  privileged: null,
  seLinuxOptions: null,
  windowsOptions: null,
  runAsUser: null,
  runAsGroup: null,
  runAsNonRoot: null,
  readOnlyRootFilesystem: null,
  allowPrivilegeEscalation: null,
  procMount: null,
  seccompProfile: null,
  appArmorProfile: null,
}
export const PROFILE_FIELDS = { type: '', localhostProfile: null }
export const CLAIM_FIELDS = { name: '', resourceClaimName: null, resourceClaimTemplateName: null }
export const SERVICE_PORT_FIELDS = { name: '', protocol: '', appProtocol: null, port: 0, targetPort: 0, nodePort: 0 }
export const TAINT_FIELDS = { key: '', value: '', effect: '', timeAdded: null }
export const ADDRESS_FIELDS = { type: '', address: '' }
