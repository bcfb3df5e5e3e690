// OpenAPI v3: one document per group-version, with everything its paths refer to.
import type { Kind } from '../../api/kinds/kind.ts'
import { Definitions, type GroupVersionKind, type Json } from './definitions.ts'
import { type Operation, type Parameter, type PathOperations, pathsOfKind, type TypeRef } from './operations.ts'

export const PATCH_MEDIA_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]

/** k8s: clients look here for whether they may send strategic merges. */
export const patchMediaTypes = ({ custom }: Operation): readonly string[] =>
  custom ? PATCH_MEDIA_TYPES.filter((type) => !type.includes('strategic')) : PATCH_MEDIA_TYPES

/** The document of one group-version. `gvks` names what every definition of the whole server stands for. */
export function v3Document(
  kinds: readonly Kind[],
  version: string,
  gvks: ReadonlyMap<string, readonly GroupVersionKind[]>,
): Json {
  const definitions = new Definitions('v3', gvks)
  const paths: Json = {}
  for (const path of kinds.flatMap(pathsOfKind).sort((a, b) => (a.path < b.path ? -1 : 1))) {
    paths[path.path] = pathItem(path, definitions)
  }
  for (const kind of kinds) if (!kind.schema.name) definitions.ref(kind.schema, customName(kind), kind.description)
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths,
    components: {
      schemas: definitions.write(),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          name: 'authorization',
          in: 'header',
          description: 'Bearer Token authentication',
        },
      },
    },
  }
}

const customName = (kind: Kind) => [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.')

function pathItem({ pathParameters, query, operations }: PathOperations, definitions: Definitions): Json {
  const item: Json = {}
  for (const operation of operations) item[operation.method] = operationItem(operation, definitions)
  item['parameters'] = [
    ...pathParameters.map((p) => ({ ...parameterItem(p), in: 'path', required: true })),
    ...query.map((p) => ({ ...parameterItem(p), in: 'query' })),
  ]
  return item
}

const parameterItem = ({ name, type, description }: Parameter): Json => ({
  name,
  description,
  schema: { type, uniqueItems: true },
})

function operationItem(operation: Operation, definitions: Definitions): Json {
  const answer = operation.answer && refTo(operation.answer, definitions)
  const content = answer
    ? Object.fromEntries(answerTypes(operation).map((type) => [type, { schema: answer }]))
    : { [operation.action === 'get' ? 'text/plain' : '*/*']: { schema: { type: 'string' } } }
  const responses: Json = {}
  const descriptions = { 200: 'OK', 201: 'Created', 202: 'Accepted' }
  for (const code of operation.codes) responses[code] = { description: descriptions[code], content }
  responses['401'] = { description: 'Unauthorized' }
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    ...(operation.query.length > 0
      ? { parameters: operation.query.map((p) => ({ ...parameterItem(p), in: 'query' })) }
      : {}),
    ...(operation.body ? { requestBody: requestBody(operation, operation.body, definitions) } : {}),
    responses,
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  }
}

const answerTypes = ({ action }: Operation) =>
  action === 'list'
    ? ['application/json', 'application/json;stream=watch', 'application/yaml']
    : ['application/json', 'application/yaml']

function requestBody(operation: Operation, body: TypeRef | 'patch', definitions: Definitions): Json {
  const content =
    body === 'patch'
      ? Object.fromEntries(patchMediaTypes(operation).map((type) => [type, { schema: definitions.patchRef() }]))
      : { '*/*': { schema: refTo(body, definitions) } }
  return { content, ...(operation.bodyRequired ? { required: true } : {}) }
}

const refTo = ({ schema, name, description }: TypeRef, definitions: Definitions) =>
  definitions.ref(schema, name, description)
