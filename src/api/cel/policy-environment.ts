// What the expressions about a request see: the request and its objects, and beyond these, for policies, the namespace, parameters, the
// policy's own variables, and the types of which a mutating one makes its patches.
import { Namespace } from '../kinds/namespace.ts'
import type { CelEnvironment } from './cel.ts'
import { typeOfKind } from './schema-types.ts'
import {
  AUTHORIZER,
  BOOL,
  type CelType,
  DYN,
  listOf,
  mapOf,
  type ObjectField,
  type ObjectType,
  objectType,
  RESOURCE_CHECK,
  STRING,
} from './types.ts'

const KIND = objectType('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING })
const RESOURCE = objectType('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING })
const USER = objectType('kubernetes.UserInfo', {
  username: STRING,
  uid: STRING,
  groups: listOf(STRING),
  extra: mapOf(STRING, listOf(STRING)),
})
const REQUEST_TYPE: CelType = objectType('kubernetes.AdmissionRequest', {
  kind: KIND,
  resource: RESOURCE,
  subResource: STRING,
  requestKind: KIND,
  requestResource: RESOURCE,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: USER,
  dryRun: BOOL,
  options: DYN,
})

export const REQUEST_VARIABLES: Readonly<Record<string, CelType>> = {
  object: DYN,
  oldObject: DYN,
  request: REQUEST_TYPE,
  authorizer: AUTHORIZER,
  'authorizer.requestResource': RESOURCE_CHECK,
}

/** `variables`: the type of the object that the policy's variables make; undefined where they cannot be used. */
export const policyVariables = (params: boolean, variables: CelType | undefined): CelEnvironment['variables'] => ({
  ...REQUEST_VARIABLES,
  namespaceObject: typeOfKind(Namespace.schema),
  ...(params ? { params: DYN } : {}),
  ...(variables ? { variables } : {}),
})

/** k8s: `Object` and what is below it takes any field of any type; that it fits the kind is seen when it is applied. */
class AnyFields extends Map<string, ObjectField> {
  override get(name: string): ObjectField {
    return { name, jsonName: name, type: DYN }
  }
}
const anyFields = new AnyFields()
const constructible = (type: Omit<ObjectType, 'kind' | 'constructible'>): ObjectType => ({
  ...type,
  kind: 'object',
  constructible: true,
})
const JSON_PATCH = constructible(objectType('JSONPatch', { op: STRING, path: STRING, from: STRING, value: DYN }))

/** What mutations may construct. */
export const MUTATION_ENVIRONMENT: Omit<CelEnvironment, 'variables'> = {
  jsonPatch: true,
  structType(name) {
    if (name === 'JSONPatch') return JSON_PATCH
    return name === 'Object' || name.startsWith('Object.')
      ? constructible({ name, fields: () => anyFields })
      : undefined
  },
}
