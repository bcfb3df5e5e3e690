// Checks the expressions of validating policies against the kinds that they match, and says in their status what does not fit. Built-in
// kinds are known by their tables, others by what discovery and OpenAPI say at that moment. k8s: once for every generation.
import { builtinKinds } from '../api/kinds/builtin.ts'
import type { Kind } from '../api/kinds/kind.ts'
import type { CheckedKind, KnownKinds } from '../api/kinds/policy-type-check.ts'
import { ValidatingAdmissionPolicy } from '../api/kinds/validating-admission-policy.ts'
import type { JSONSchemaProps } from '../api/types/apiextensions.v1.ts'
import type { APIResourceList } from '../api/types/meta.v1.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Client } from '../client/client.ts'
import { defineController } from './controller.ts'

export const validatingAdmissionPolicyStatus = defineController<ValidatingAdmissionPolicy>({
  name: 'validatingadmissionpolicy-status',
  kind: ValidatingAdmissionPolicy,
  triggers: [],
  workers: 1,
  async sync(ctx, policy, name, { client }) {
    if (!policy || policy.metadata.deletionTimestamp) return
    const { generation = 0 } = policy.metadata
    if (generation <= (policy.status?.observedGeneration ?? 0)) return
    const { expressionWarnings } = await import('../api/kinds/policy-type-check.ts')
    const warnings = await expressionWarnings(policy, await kindsOf(ctx, client))
    const status = {
      observedGeneration: generation,
      typeChecking: warnings.length > 0 ? { expressionWarnings: warnings } : {},
    }
    const { apiVersion, kind } = ValidatingAdmissionPolicy
    const body = { apiVersion, kind, metadata: { name }, status }
    const patch = { type: 'apply', body, force: true } as const
    await client.patch(ctx, ValidatingAdmissionPolicy, { name }, patch, {
      subresource: 'status',
      fieldManager: 'validatingadmissionpolicy-status-controller',
    })
  },
})

type Document = { components?: { schemas?: Record<string, JSONSchemaProps & GroupVersionKinds> } }
interface GroupVersionKinds {
  readonly 'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[]
}

async function kindsOf(ctx: Ctx, client: Client): Promise<KnownKinds> {
  const { typeOfKind, typeOfResource } = await import('../api/cel/schema-types.ts')
  const builtin = builtinKinds as unknown as readonly Kind[]
  const own = (found: Kind | undefined): CheckedKind | undefined =>
    found && { group: found.group, version: found.version, kind: found.kind, type: typeOfKind(found.schema) }
  /** What is not served has no type. */
  const read = (path: string) => client.raw(ctx, 'GET', path).catch(() => undefined)

  async function foreign(group: string, version: string, kind: string | undefined): Promise<CheckedKind | undefined> {
    if (!kind || !group) return undefined
    const document = (await read(`/openapi/v3/apis/${group}/${version}`)) as Document | undefined
    const schema = Object.values(document?.components?.schemas ?? {}).find((one) =>
      one['x-kubernetes-group-version-kind']?.some(
        (its) => its.group === group && its.version === version && its.kind === kind,
      ),
    )
    const type = schema && typeOfResource(schema)
    return type && { group, version, kind, type }
  }
  return {
    async byResource(group, version, plural) {
      const known = builtin.find((k) => k.group === group && k.version === version && k.plural === plural)
      if (known || !group) return own(known)
      const list = (await read(`/apis/${group}/${version}`)) as APIResourceList | undefined
      return foreign(group, version, list?.resources?.find(({ name }) => name === plural)?.kind)
    },
    async byKind(apiVersion, kind) {
      const known = builtin.find((k) => k.apiVersion === apiVersion && k.kind === kind)
      const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
      return known ? own(known) : foreign(group, version, kind)
    },
  }
}
