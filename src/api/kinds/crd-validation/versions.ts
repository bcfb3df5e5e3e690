// The versions of a definition: their schemas, subresources, printed columns and selectable fields. k8s: the rules and their sentences.
import { semanticEqual } from '../../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField, invalid, required, tooMany } from '../../meta/errors.ts'
import { dns1035Label } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { defaultErrors } from '../../structural/default-rules.ts'
import { definitionErrors, usesUnsupported } from '../../structural/definition-rules.ts'
import { fieldAt } from '../../structural/field-path.ts'
import type { Props } from '../../structural/props.ts'
import { ruleErrors } from '../../structural/rules.ts'
import { structuralErrors } from '../../structural/structural-rules.ts'
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
} from '../../types/apiextensions.v1.ts'

type Spec = DeepReadonly<CustomResourceDefinitionSpec>
type Version = DeepReadonly<CustomResourceDefinitionVersion>

/** k8s: what all versions say alike is spoken of as if it were said once, at the top of the spec. */
interface Shared {
  readonly schema: boolean
  readonly subresources: boolean
  readonly columns: boolean
  readonly selectable: boolean
}

function sharedBy(versions: readonly Version[]): Shared {
  const alike = (read: (version: Version) => unknown) => {
    const [first] = versions
    return (
      first !== undefined && read(first) !== undefined && versions.every((v) => semanticEqual(read(v), read(first)))
    )
  }
  return {
    schema: alike(({ schema }) => schema),
    subresources: alike(({ subresources }) => subresources),
    columns: alike(({ additionalPrinterColumns: columns }) => (columns?.length ? columns : undefined)),
    selectable: alike(({ selectableFields: fields }) => (fields?.length ? fields : undefined)),
  }
}

const propsOf = ({ schema }: Version) => schema?.openAPIV3Schema as Props | undefined
const hasStatus = ({ subresources }: Version) => subresources?.status !== undefined
/** What was accepted before is not judged anew. */
const isNew = (version: Version, old: Version | undefined) => !old || !semanticEqual(old.schema, version.schema)

/** The errors of single versions. */
export function versionsErrors({ versions = [] }: Spec, oldVersions: readonly Version[]): FieldError[] {
  const errors: FieldError[] = []
  const shared = sharedBy(versions)
  versions.forEach((version, i) => {
    if (!propsOf(version)) errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`))
  })
  const names = versions.map(({ name }) => name)
  versions.forEach((version, i) => {
    const path = `spec.versions[${i}]`
    const problems = dns1035Label(version.name ?? '')
    if (problems.length > 0) errors.push(invalid(`${path}.name`, version.name, problems.join(',')))
    const old = oldVersions.find(({ name }) => name === version.name)
    for (const why of warningProblems(version)) {
      errors.push(invalid(`${path}.deprecationWarning`, version.deprecationWarning, why))
    }
    const props = propsOf(version)
    if (!shared.schema && props && isNew(version, old)) {
      errors.push(...schemaErrors(props, hasStatus(version), `${path}.schema`))
    }
    if (!shared.subresources) errors.push(...subresourceErrors(version.subresources, `${path}.subresources`))
    if (!shared.columns) errors.push(...columnsErrors(version, `${path}.additionalPrinterColumns`))
    if (!shared.selectable && version.selectableFields?.length) {
      errors.push(...selectableErrors(version, shared.schema ? undefined : props, `${path}.selectableFields`, old))
    }
  })
  if (new Set(names).size < names.length) {
    errors.push(invalid('spec.versions', versions, 'must contain unique version names'))
  }
  if (versions.filter((version) => version.storage).length !== 1) {
    errors.push(invalid('spec.versions', versions, 'must have exactly one version marked as storage version'))
  }
  return errors
}

/** The errors of what all versions share. */
export function sharedErrors({ versions = [] }: Spec, oldVersions: readonly Version[]): FieldError[] {
  const [first] = versions
  if (!first) return []
  const errors: FieldError[] = []
  const shared = sharedBy(versions)
  const old = oldVersions.find(({ name }) => name === first.name)
  const props = propsOf(first)
  if (shared.schema && props && isNew(first, old)) {
    errors.push(...schemaErrors(props, versions.some(hasStatus), 'spec.validation'))
  }
  if (shared.subresources) errors.push(...subresourceErrors(first.subresources, 'spec.subresources'))
  if (shared.columns) errors.push(...columnsErrors(first, 'spec.additionalPrinterColumns'))
  if (shared.selectable) {
    const path = 'spec.selectableFields'
    if (shared.schema) errors.push(...selectableErrors(first, props, path, old))
    else errors.push(invalid(path, '', 'may only be set when validations.schema is included'))
  }
  return errors
}

function columnsErrors({ additionalPrinterColumns = [] }: Version, path: string): FieldError[] {
  return additionalPrinterColumns.flatMap((column, i) => columnErrors(column, `${path}[${i}]`))
}

function warningProblems({ deprecated, deprecationWarning: warning }: Version): string[] {
  if (warning === undefined) return []
  if (!deprecated) return ['can only be set for deprecated versions']
  const problems: string[] = []
  if (Buffer.byteLength(warning) > 256) problems.push('must be <= 256 characters long')
  if (warning === '') problems.push('must not be an empty string')
  const odd = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning)
  if (odd) {
    const at = Buffer.byteLength(warning.slice(0, odd.index))
    problems.push(`must only contain printable UTF-8 characters; non-printable character found at index ${at}`)
  }
  return problems
}

/** k8s: the fields of a schema that may stand at the root beside a status subresource, in the real server's own words. */
const AT_ROOT: Readonly<Record<string, string>> = {
  description: 'Description',
  type: 'Type',
  format: 'Format',
  title: 'Title',
  maximum: 'Maximum',
  exclusiveMaximum: 'ExclusiveMaximum',
  minimum: 'Minimum',
  exclusiveMinimum: 'ExclusiveMinimum',
  maxLength: 'MaxLength',
  minLength: 'MinLength',
  pattern: 'Pattern',
  maxItems: 'MaxItems',
  minItems: 'MinItems',
  uniqueItems: 'UniqueItems',
  multipleOf: 'MultipleOf',
  required: 'Required',
  items: 'Items',
  properties: 'Properties',
  externalDocs: 'ExternalDocs',
  example: 'Example',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
}

function schemaErrors(props: Props, hasStatus: boolean, path: string): FieldError[] {
  const at = `${path}.openAPIV3Schema`
  const errors = hasStatus ? rootErrors(props, at) : []
  if (props.nullable) errors.push(forbiddenField(`${at}.nullable`, 'nullable cannot be true at the root'))
  const own = definitionErrors(props, at)
  // What is not supported at all cannot be looked at as a structure.
  const structure = usesUnsupported(props) ? [] : structuralErrors(props, at)
  const wrong = structure.length > 0 || usesUnsupported(props) ? structure : defaultErrors(props, at)
  errors.push(...wrong, ...own)
  // Rules can only be understood where the schema is sound.
  if (errors.length > 0) return errors
  return [...ruleErrors(props, at)]
}

function rootErrors(props: Props, at: string): FieldError[] {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue
    if (name === 'type' && value !== 'object') {
      const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
      return [invalid(`${at}.type`, value, why)]
    }
    if (Object.hasOwn(AT_ROOT, name)) continue
    const allowed = Object.values(AT_ROOT).join(' ')
    const why = `only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`
    return [invalid(at, props, why)]
  }
  return []
}

function simplePathError(path: string, field: string): FieldError[] {
  return path.startsWith('.') ? [] : [invalid(field, path, 'must be a simple json path starting with .')]
}

function subresourceErrors(
  subresources: DeepReadonly<CustomResourceSubresources> | undefined,
  path: string,
): FieldError[] {
  const scale = subresources?.scale
  if (!scale) return []
  const errors: FieldError[] = []
  const check = (
    name: 'specReplicasPath' | 'statusReplicasPath' | 'labelSelectorPath',
    roots: string[],
    why: string,
  ) => {
    const [value, field] = [scale[name], `${path}.scale.${name}`]
    if (!value) {
      if (name !== 'labelSelectorPath') errors.push(required(field))
      return
    }
    const simple = simplePathError(value, field)
    if (simple.length > 0) errors.push(...simple)
    else if (!roots.some((root) => value.startsWith(root))) errors.push(invalid(field, value, why))
  }
  check('specReplicasPath', ['.spec.'], 'should be a json path under .spec')
  check('statusReplicasPath', ['.status.'], 'should be a json path under .status')
  check('labelSelectorPath', ['.spec.', '.status.'], 'should be a json path under either .spec or .status')
  return errors
}

const COLUMN_TYPES = 'must be one of boolean,date,integer,number,string'
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

function columnErrors(column: DeepReadonly<CustomResourceColumnDefinition>, path: string): FieldError[] {
  const errors: FieldError[] = []
  const { name, type, format, jsonPath } = column
  if (!name) errors.push(required(`${path}.name`))
  if (!type) errors.push(required(`${path}.type`, COLUMN_TYPES))
  else if (!['boolean', 'date', 'integer', 'number', 'string'].includes(type)) {
    errors.push(invalid(`${path}.type`, type, COLUMN_TYPES))
  }
  if (format && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalid(`${path}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`))
  }
  if (!jsonPath) errors.push(required(`${path}.JSONPath`))
  else errors.push(...simplePathError(jsonPath, `${path}.JSONPath`))
  return errors
}

const MAX_SELECTABLE = 8

function selectableErrors(
  { selectableFields = [] }: Version,
  props: Props | undefined,
  path: string,
  old: Version | undefined,
): FieldError[] {
  if (!props) {
    return [invalid(path, '', 'may only be set when `version.schema.openAPIV3Schema` is not included')]
  }
  const errors: FieldError[] = []
  const seen = new Set<string>()
  selectableFields.forEach(({ jsonPath }, i) => {
    const field = `${path}[${i}].jsonPath`
    if (!jsonPath) {
      errors.push(required(field))
      return
    }
    const found = fieldAt(props, jsonPath, false)
    if ('problem' in found) {
      errors.push(invalid(field, jsonPath, `is an invalid path: ${found.problem}`))
      return
    }
    if (found.steps[0] === 'metadata') errors.push(invalid(field, jsonPath, 'must not point to fields in metadata'))
    if (!['string', 'boolean', 'integer'].includes(found.props?.type ?? '')) {
      const why =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'
      errors.push(invalid(field, jsonPath, why))
    }
    const text = found.steps.join('.')
    if (seen.has(text)) errors.push(duplicate(field, jsonPath))
    seen.add(text)
  })
  const kept =
    old && (old.selectableFields?.length ?? 0) > MAX_SELECTABLE && semanticEqual(old.selectableFields, selectableFields)
  if (seen.size > MAX_SELECTABLE && !kept) errors.push(tooMany(path, seen.size, MAX_SELECTABLE))
  return errors
}
