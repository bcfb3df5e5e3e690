// What a custom resource shows in tables, and which of its fields selectors may name: from the JSON paths of its definition.
import type { Column } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { compileJsonPath, type JsonPath } from '../../api/structural/json-path.ts'
import type { CustomResourceDefinitionVersion } from '../../api/types/apiextensions.v1.ts'

const AGE: Column<KubeObject> = {
  name: 'Age',
  type: 'date',
  description: 'The time since the object was created.',
  value: (obj) => obj.metadata.creationTimestamp,
}

export function columnsOf({
  additionalPrinterColumns,
}: Pick<CustomResourceDefinitionVersion, 'additionalPrinterColumns'>) {
  if (!additionalPrinterColumns?.length) return [AGE]
  return additionalPrinterColumns.map(({ name, type, format, description, priority, jsonPath }): Column<KubeObject> => {
    const path = compiled(jsonPath)
    return {
      name,
      type: type as Column<KubeObject>['type'],
      format: format ?? '',
      // k8s: the sentence where the definition has none.
      description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
      ...(priority === undefined ? {} : { priority: priority as 0 | 1 }),
      value: (obj) => cell(type, path?.(obj)[0]),
    }
  })
}

function compiled(text: string): JsonPath | undefined {
  try {
    return compileJsonPath(text)
  } catch {
    return undefined
  }
}

/** k8s: what is not of the column's type is not shown; texts show anything. */
function cell(type: string, value: unknown): string | number | boolean | undefined {
  if (value === undefined || value === null) return undefined
  switch (type) {
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value)
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : undefined
    case 'number':
      return typeof value === 'number' ? value : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    default:
      return typeof value === 'string' ? value : undefined
  }
}

export function selectableFieldsOf({ selectableFields }: Pick<CustomResourceDefinitionVersion, 'selectableFields'>) {
  const out: Record<string, (obj: object) => string> = {}
  for (const { jsonPath } of selectableFields ?? []) {
    const path = compiled(jsonPath)
    out[jsonPath.replace(/^\./, '')] = (obj) => {
      const value = path?.(obj)[0]
      return value === undefined || value === null ? '' : String(value)
    }
  }
  return out
}
