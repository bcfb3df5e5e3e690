// The environment of a container: Services of its namespace, envFrom, then env, later entries winning, with `$(NAME)` expanded by what
// came before. Pure over what the caller has read; anything missing is a StartFailure in the standard's words.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { ContainerSpec } from './containers.ts'
import { expand } from './expand.ts'
import { type FieldContext, fieldValue, needsPodIP, resourceValue } from './fields.ts'
import { configError } from './start-failure.ts'

/** What env may refer to; undefined for what does not exist. `file` is the text of a file in a volume. */
export interface EnvSources {
  configMap(name: string): DeepReadonly<v1.ConfigMap> | undefined
  secret(name: string): DeepReadonly<v1.Secret> | undefined
  file(volumeName: string, path: string): string | undefined
  /** Services of the pod's namespace, and those of `default`. */
  services: readonly DeepReadonly<v1.Service>[]
}
export interface EnvVariable {
  key: string
  value: string
}

/** Whether the environment can only be made when the pod has its address. */
export const envNeedsPodIP = (spec: ContainerSpec) =>
  (spec.env ?? []).some((e) => needsPodIP(e.valueFrom?.fieldRef?.fieldPath))

/** @throws StartFailure CreateContainerConfigError */
export function containerEnv(spec: ContainerSpec, context: FieldContext, sources: EnvSources): EnvVariable[] {
  const { pod } = context
  const values = new Map<string, string>()
  for (const from of spec.envFrom ?? [])
    for (const [key, value] of envFrom(from, sources)) values.set(`${from.prefix ?? ''}${key}`, value)
  const services = serviceEnv(pod, sources.services)
  const lookup = (name: string) => values.get(name) ?? services.get(name)
  for (const variable of spec.env ?? []) {
    const value = variable.valueFrom
      ? valueFrom(variable.valueFrom, spec, context, sources)
      : expand(variable.value ?? '', lookup)
    if (value !== undefined) values.set(variable.name, value)
  }
  // k8s: what the pod says wins over the variables of Services.
  for (const [key, value] of services) if (!values.has(key)) values.set(key, value)
  return [...values].map(([key, value]) => ({ key, value }))
}

/** `command` and `args` with their references expanded. */
export function expandCommand(words: readonly string[] | undefined, env: readonly EnvVariable[]): string[] | undefined {
  if (!words?.length) return undefined
  const values = new Map(env.map((e) => [e.key, e.value]))
  return words.map((word) => expand(word, (name) => values.get(name)))
}

function envFrom(from: DeepReadonly<v1.EnvFromSource>, sources: EnvSources): [string, string][] {
  const ref = from.configMapRef ?? from.secretRef
  const name = ref?.name ?? ''
  if (from.configMapRef) {
    const map = sources.configMap(name)
    if (!map && !ref?.optional) throw configError(`configmap "${name}" not found`)
    return Object.entries(map?.data ?? {})
  }
  if (!from.secretRef) return []
  const secret = sources.secret(name)
  if (!secret && !ref?.optional) throw configError(`secret "${name}" not found`)
  return Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decode(value)])
}

const decode = (base64: string) => Buffer.from(base64, 'base64').toString('utf8')

function valueFrom(
  source: DeepReadonly<v1.EnvVarSource>,
  spec: ContainerSpec,
  context: FieldContext,
  sources: EnvSources,
): string | undefined {
  const namespace = context.pod.metadata.namespace
  if (source.fieldRef) return fieldValue(source.fieldRef.fieldPath, context)
  if (source.resourceFieldRef) return resourceValue(source.resourceFieldRef, spec.name, context)
  if (source.configMapKeyRef) {
    const { name = '', key, optional } = source.configMapKeyRef
    const map = sources.configMap(name)
    if (!map && !optional) throw configError(`configmap "${name}" not found`)
    const value = map?.data?.[key]
    if (map && value === undefined && !optional)
      throw configError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`)
    return value
  }
  if (source.secretKeyRef) {
    const { name = '', key, optional } = source.secretKeyRef
    const secret = sources.secret(name)
    if (!secret && !optional) throw configError(`secret "${name}" not found`)
    const value = secret?.data?.[key]
    if (secret && value === undefined && !optional)
      throw configError(`couldn't find key ${key} in Secret ${namespace}/${name}`)
    return value === undefined ? undefined : decode(value)
  }
  if (source.fileKeyRef) {
    const { volumeName, path, key, optional } = source.fileKeyRef
    const text = sources.file(volumeName, path)
    const value = text === undefined ? undefined : parseEnvFile(text).get(key)
    if (value === undefined && !optional)
      throw configError(`environment variable key "${key}" not found in file "${path}"`)
    return value
  }
  return undefined
}

/** `KEY='value'` or `KEY=value` lines; blank lines and `#` comments are skipped. */
function parseEnvFile(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([^#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line)
    if (!match) continue
    const [, key = '', raw = ''] = match
    values.set(key, /^'[^']*'$/.test(raw) ? raw.slice(1, -1) : raw)
  }
  return values
}

/** k8s: NAME_SERVICE_HOST, NAME_SERVICE_PORT[_PORT], and the link variables NAME_PORT_80_TCP…; `kubernetes` always, others if asked for. */
export function serviceEnv(pod: DeepReadonly<Pod>, services: readonly DeepReadonly<v1.Service>[]): Map<string, string> {
  const env = new Map<string, string>()
  const links = pod.spec?.enableServiceLinks ?? true
  // A Service of the pod's own namespace wins over the one of the same name in `default`.
  const ordered = [...services].sort(
    (a, b) =>
      Number(a.metadata.namespace !== 'default') - Number(b.metadata.namespace !== 'default') ||
      (a.metadata.name < b.metadata.name ? -1 : 1),
  )
  for (const service of ordered) {
    const { name, namespace } = service.metadata
    const always = namespace === 'default' && name === 'kubernetes'
    if (!always && !(links && namespace === pod.metadata.namespace)) continue
    const ip = service.spec?.clusterIP
    const ports = service.spec?.ports ?? []
    if (!ip || ip === 'None' || ports.length === 0) continue
    const prefix = name.toUpperCase().replaceAll('-', '_')
    const first = ports[0]!
    env.set(`${prefix}_SERVICE_HOST`, ip)
    env.set(`${prefix}_SERVICE_PORT`, String(first.port))
    for (const port of ports)
      if (port.name)
        env.set(`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port))
    const host = ip.includes(':') ? `[${ip}]` : ip
    for (const port of ports) {
      const protocol = port.protocol ?? 'TCP'
      const url = `${protocol.toLowerCase()}://${host}:${port.port}`
      if (port === first) env.set(`${prefix}_PORT`, url)
      const link = `${prefix}_PORT_${port.port}_${protocol}`
      env.set(link, url)
      env.set(`${link}_PROTO`, protocol.toLowerCase())
      env.set(`${link}_PORT`, String(port.port))
      env.set(`${link}_ADDR`, ip)
    }
  }
  return env
}
