// OpenAPI v2: the whole API in one document, for older clients.
import type { Kind } from '../../api/kinds/kind.ts'
import { Definitions, groupVersionKinds, type Json } from './definitions.ts'
import { type Operation, type Parameter, type PathOperations, pathsOfKind, type TypeRef } from './operations.ts'
import { patchMediaTypes } from './v3.ts'

export function v2Document(kinds: readonly Kind[], version: string): Json {
  const definitions = new Definitions('v2', groupVersionKinds(kinds))
  const paths: Json = {}
  for (const path of kinds.flatMap(pathsOfKind).sort((a, b) => (a.path < b.path ? -1 : 1))) {
    paths[path.path] = pathItem(path, definitions)
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths,
    definitions: definitions.write(),
    securityDefinitions: {
      BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' },
    },
    security: [{ BearerToken: [] }],
  }
}

function pathItem({ pathParameters, query, operations }: PathOperations, definitions: Definitions): Json {
  const item: Json = {}
  for (const operation of operations) item[operation.method] = operationItem(operation, definitions)
  item['parameters'] = [
    ...pathParameters.map((p) => parameterItem(p, 'path')),
    ...query.map((p) => parameterItem(p, 'query')),
  ]
  return item
}

const parameterItem = ({ name, type, description }: Parameter, where: 'path' | 'query'): Json => ({
  uniqueItems: true,
  type,
  description,
  name,
  in: where,
  ...(where === 'path' ? { required: true } : {}),
})

function operationItem(operation: Operation, definitions: Definitions): Json {
  const { body, answer } = operation
  const schema = answer ? refTo(answer, definitions) : { type: 'string' }
  const responses: Json = {}
  const descriptions = { 200: 'OK', 201: 'Created', 202: 'Accepted' }
  for (const code of operation.codes) responses[code] = { description: descriptions[code], schema }
  responses['401'] = { description: 'Unauthorized' }
  const parameters: Json[] = operation.query.map((p) => parameterItem(p, 'query'))
  if (body) {
    parameters.unshift({
      name: 'body',
      in: 'body',
      ...(operation.bodyRequired ? { required: true } : {}),
      schema: body === 'patch' ? definitions.patchRef() : refTo(body, definitions),
    })
  }
  return {
    description: operation.description,
    consumes: body === 'patch' ? patchMediaTypes(operation) : ['*/*'],
    produces: answer ? ['application/json', 'application/yaml'] : ['*/*'],
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses,
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  }
}

const refTo = ({ schema, name, description }: TypeRef, definitions: Definitions) =>
  definitions.ref(schema, name, description)
