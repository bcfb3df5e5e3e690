// A version of a CustomResourceDefinition as a Kind: from here on a custom resource goes the way of every other kind. What is made from
// its schema (shape, columns) is made when first needed and kept with the kind, so that hundreds of definitions cost little.
import { ALL_VERBS, type Kind, type Subresource } from '../../api/kinds/kind.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { StructSchema } from '../../api/schema/schema.ts'
import { applySchemaDefaults } from '../../api/structural/default.ts'
import type { Fields, Props } from '../../api/structural/props.ts'
import { pruneResource } from '../../api/structural/prune.ts'
import { resourceShape } from '../../api/structural/shape.ts'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions.v1.ts'
import { columnsOf, selectableFieldsOf } from './columns.ts'
import { type Convert, withVersion } from './conversion.ts'
import { deprecationWarning } from './deprecation.ts'
import { publishedSchema } from './published-schema.ts'
import { resourceErrors, statusErrors } from './resource-rules.ts'

type Definition = DeepReadonly<CustomResourceDefinition>
export type Version = DeepReadonly<CustomResourceDefinitionVersion>

/** A definition without a schema keeps everything: only old ones can be so. */
const ANYTHING: Props = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const propsOf = (version: Version | undefined): Props =>
  (version?.schema?.openAPIV3Schema as Props | undefined) ?? ANYTHING

/** The kinds of a definition's served versions. @param convert only for strategy Webhook */
export function kindsOf(definition: Definition, convert: Convert | undefined): Kind[] {
  return definition.spec.versions.filter(({ served }) => served).map((version) => kindOf(definition, version, convert))
}

export function kindOf(definition: Definition, version: Version, convert: Convert | undefined): Kind {
  const { spec, status, metadata } = definition
  const names = status?.acceptedNames ?? spec.names
  const group = spec.group
  const apiVersion = `${group}/${version.name}`
  const storage = spec.versions.find((v) => v.storage) ?? version
  const storedVersion = `${group}/${storage.name}`
  const props = propsOf(version)
  const propsByVersion = new Map(spec.versions.map((v) => [`${group}/${v.name}`, propsOf(v)]))
  const terminating = metadata.deletionTimestamp !== undefined
  let shape: StructSchema | undefined
  let columns: Kind['columns']
  let selectable: Kind['selectableFields']

  const subresources: Subresource[] = []
  if (version.subresources?.status) subresources.push('status')
  if (version.subresources?.scale) subresources.push('scale')
  const scale = version.subresources?.scale

  /** A stored object of any version, as its own schema has it. */
  const completed = (object: DeepReadonly<KubeObject>): KubeObject => {
    const own = propsByVersion.get(object.apiVersion) ?? ANYTHING
    return readStored(own, object as unknown as Fields)
  }

  const kind: Kind = {
    group,
    version: version.name,
    kind: names.kind || spec.names.kind,
    plural: spec.names.plural,
    singular: names.singular || spec.names.kind.toLowerCase(),
    listKind: names.listKind || `${spec.names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    scope: spec.scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    subresources,
    verbs: ALL_VERBS,
    apiVersion,
    hasGeneration: true,
    allowUnconditionalUpdate: false,
    ...(props.description ? { description: props.description } : {}),
    ...(version.deprecated ? { deprecated: deprecationWarning(definition, version) } : {}),
    ...(scale
      ? {
          scale: {
            specReplicas: scale.specReplicasPath,
            statusReplicas: scale.statusReplicasPath,
            ...(scale.labelSelectorPath ? { selector: scale.labelSelectorPath } : { selector: '' }),
          },
        }
      : {}),
    get schema() {
      shape ??= { ...resourceShape(props), openapi: (flavor) => publishedSchema(props, flavor) }
      return shape
    },
    get columns() {
      columns ??= columnsOf(version as CustomResourceDefinitionVersion)
      return columns
    },
    get selectableFields() {
      if (!version.selectableFields?.length) return undefined as never
      selectable ??= selectableFieldsOf(version as CustomResourceDefinitionVersion)
      return selectable as never
    },
    default(obj) {
      const fields = obj as unknown as Fields
      applySchemaDefaults(props, fields)
    },
    validate: (obj) => resourceErrors(props, version, obj, undefined),
    validateChange: (obj, old) => resourceErrors(props, version, obj, old),
    custom: {
      definition: metadata.name,
      definitionUid: metadata.uid,
      terminating,
      prune(obj) {
        const { object } = pruneResource(props, obj as unknown as Fields, 'stored')
        const fields = obj as unknown as Fields
        for (const key of Object.keys(fields)) if (!Object.hasOwn(object, key)) delete fields[key]
        Object.assign(fields, object)
      },
      ...(convert ? { convert } : {}),
      storedVersion,
      fromConverted: (object) =>
        object.apiVersion === apiVersion ? readStored(props, object as unknown as Fields) : completed(object),
    },
    validateStatusUpdate: (obj, old) => statusErrors(props, version, obj, old),
    storedAs: {
      group,
      version: storage.name,
      kind: names.kind || spec.names.kind,
      toStored: (obj) => withVersion(obj, storedVersion) as KubeObject,
      fromStored(stored) {
        const object = completed(stored)
        return object.apiVersion === apiVersion
          ? object
          : readStored(props, { ...object, apiVersion } as unknown as Fields)
      },
    },
  }
  return kind
}

const settled = new WeakMap<Props, WeakSet<object>>()

/** Pruned and with its defaults; the very object when there is nothing to change. */
function readStored(props: Props, stored: Fields): KubeObject {
  const known = settled.get(props) ?? new WeakSet()
  settled.set(props, known)
  if (known.has(stored)) return stored as unknown as KubeObject
  const { object, unknown } = pruneResource(props, stored, 'stored')
  applySchemaDefaults(props, object)
  if (unknown.length === 0 && sameJson(object, stored)) {
    known.add(stored)
    return stored as unknown as KubeObject
  }
  return cloneJson(object) as unknown as KubeObject
}

/** Both have the same keys in the same order, but for those that defaulting added. */
const sameJson = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
