// What can be asked of each kind, as data: paths with their operations, parameters, bodies and answers. v2.ts and v3.ts write the same
// operations down in their two notations.
import type { Kind, Subresource } from '../../api/kinds/kind.ts'
import type { StructSchema } from '../../api/schema/schema.ts'
import { structFor, structNamed } from '../../api/schema/tables.ts'
import { subresourceFacts } from '../resources.ts'
import { definitionName, type GroupVersionKind, listSchema } from './definitions.ts'

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch'
export type Action = 'get' | 'list' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection' | 'connect'

export interface TypeRef {
  schema: StructSchema
  name: string
  description?: string
}
export interface Parameter {
  name: string
  type: 'string' | 'boolean' | 'integer'
  description: string
}
export interface Operation {
  method: Method
  action: Action
  id: string
  tag: string
  description: string
  gvk: GroupVersionKind
  query: readonly Parameter[]
  body?: TypeRef | 'patch'
  /** Of a custom resource, which knows no strategic merge. */
  custom: boolean
  bodyRequired: boolean
  /** Undefined: text (logs) or a stream. */
  answer: TypeRef | undefined
  codes: readonly (200 | 201 | 202)[]
}
export interface PathOperations {
  path: string
  /** `name`, `namespace`, `path` as they stand in the path. */
  pathParameters: readonly Parameter[]
  query: readonly Parameter[]
  operations: readonly Operation[]
}

const parameter = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  type,
  description,
})

const PRETTY = parameter('pretty', 'string', "If 'true', the answer is indented for people.")
const DRY_RUN = parameter('dryRun', 'string', 'All: everything is checked and answered, nothing is stored.')
const FIELD_MANAGER = parameter('fieldManager', 'string', 'Name under which the written fields are recorded.')
const FIELD_VALIDATION = parameter(
  'fieldValidation',
  'string',
  'What to do with unknown or duplicate fields: Ignore drops them, Warn drops them with a warning, Strict refuses the request.',
)
const FORCE = parameter('force', 'boolean', 'Apply patches only: take over fields that other managers hold.')
const LIST: readonly Parameter[] = [
  parameter('allowWatchBookmarks', 'boolean', 'Watches also get BOOKMARK events that only carry a resourceVersion.'),
  parameter('continue', 'string', 'The token of the previous page, to get the next one.'),
  parameter('fieldSelector', 'string', 'Only objects whose fields have these values.'),
  parameter('labelSelector', 'string', 'Only objects whose labels match.'),
  parameter('limit', 'integer', 'Most objects in one answer; the rest follows with continue.'),
  parameter('resourceVersion', 'string', 'The state to read or to watch from.'),
  parameter('resourceVersionMatch', 'string', 'How resourceVersion is meant: Exact or NotOlderThan.'),
  parameter('sendInitialEvents', 'boolean', 'A watch begins with the current objects, then a bookmark.'),
  parameter('timeoutSeconds', 'integer', 'The request ends after this time.'),
]
const WATCH = parameter('watch', 'boolean', 'Send changes as they happen instead of a list.')
const DELETE: readonly Parameter[] = [
  parameter('gracePeriodSeconds', 'integer', 'Seconds that the object has to end by itself; 0 deletes at once.'),
  parameter(
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'boolean',
    'Delete an object that can no longer be read from the store.',
  ),
  parameter('orphanDependents', 'boolean', 'Outdated form of propagationPolicy.'),
  parameter(
    'propagationPolicy',
    'string',
    'What happens to dependents: Orphan keeps them, Background deletes them afterwards, Foreground before.',
  ),
]
const NAME = (kind: Kind) => parameter('name', 'string', `Name of the ${kind.kind}.`)
const NAMESPACE = parameter('namespace', 'string', 'Namespace of the object.')
const WRITE = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION]

const CONNECT: Readonly<Record<string, readonly Parameter[]>> = {
  exec: [
    parameter('command', 'string', 'The command to run, one parameter per word.'),
    parameter('container', 'string', 'The container to run it in.'),
    parameter('stderr', 'boolean', 'Send its standard error.'),
    parameter('stdin', 'boolean', 'Feed its standard input.'),
    parameter('stdout', 'boolean', 'Send its standard output.'),
    parameter('tty', 'boolean', 'Give it a terminal.'),
  ],
  attach: [
    parameter('container', 'string', 'The container to attach to.'),
    parameter('stderr', 'boolean', 'Send its standard error.'),
    parameter('stdin', 'boolean', 'Feed its standard input.'),
    parameter('stdout', 'boolean', 'Send its standard output.'),
    parameter('tty', 'boolean', 'The container has a terminal.'),
  ],
  portforward: [parameter('ports', 'integer', 'The ports to forward.')],
  proxy: [parameter('path', 'string', 'The path to ask for behind the proxy.')],
  log: [
    parameter('container', 'string', 'The container whose log is read.'),
    parameter('follow', 'boolean', 'Go on sending lines as they are written.'),
    parameter('insecureSkipTLSVerifyBackend', 'boolean', 'Do not check the certificate of the node.'),
    parameter('limitBytes', 'integer', 'Most bytes to send.'),
    parameter('previous', 'boolean', 'The log of the container that ran before.'),
    parameter('sinceSeconds', 'integer', 'Only lines younger than this.'),
    parameter('stream', 'string', 'All, Stdout or Stderr.'),
    parameter('tailLines', 'integer', 'Only the last lines.'),
    parameter('timestamps', 'boolean', 'Put the time before every line.'),
  ],
}

/** Every path of a kind, in the order of its name. */
export function pathsOfKind(kind: Kind): PathOperations[] {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const namespaced = kind.scope === 'Namespaced'
  const base = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`
  const scope = namespaced ? [NAMESPACE] : []
  const build = new OperationBuilder(kind)
  const out: PathOperations[] = []
  const add = (path: string, pathParameters: readonly Parameter[], operations: Operation[]) => {
    if (operations.length > 0) out.push({ path, pathParameters, query: [PRETTY], operations })
  }
  add(base, scope, build.collection())
  if (namespaced) add(`${root}/${kind.plural}`, [], build.allNamespaces())
  add(`${base}/{name}`, [NAME(kind), ...scope], build.item())
  for (const subresource of kind.subresources) {
    add(`${base}/{name}/${subresource}`, [NAME(kind), ...scope], build.subresource(subresource))
    if (subresource === 'proxy') {
      const rest = parameter('path', 'string', 'The path to ask for behind the proxy.')
      add(`${base}/{name}/proxy/{path}`, [NAME(kind), ...scope, rest], build.subresource('proxy', 'WithPath'))
    }
  }
  return out
}

class OperationBuilder {
  readonly #kind: Kind
  readonly #own: TypeRef
  readonly #list: TypeRef
  readonly #status: TypeRef
  readonly #deleteOptions: TypeRef
  readonly #infix: string

  constructor(kind: Kind) {
    this.#kind = kind
    this.#own = { schema: kind.schema, name: definitionName(kind), description: kind.description }
    this.#list = listSchema(kind)
    this.#status = builtin('meta.v1.Status')
    this.#deleteOptions = builtin('meta.v1.DeleteOptions')
    this.#infix = kind.scope === 'Namespaced' ? 'Namespaced' : ''
  }

  #has(verb: Kind['verbs'][number]): boolean {
    return this.#kind.verbs.includes(verb)
  }

  #make(
    method: Method,
    action: Action,
    verb: string,
    subject: string,
    description: string,
    rest: Pick<Operation, 'query' | 'answer' | 'codes'> & Partial<Pick<Operation, 'body' | 'bodyRequired' | 'gvk'>>,
  ): Operation {
    const { group, version, kind, custom } = this.#kind
    return {
      custom: custom !== undefined,
      method,
      action,
      id: `${verb}${groupWord(group)}${capital(version)}${subject}`,
      tag: `${lower(groupWord(group))}_${version}`,
      description,
      gvk: { group, version, kind },
      bodyRequired: rest.body !== undefined,
      ...rest,
    }
  }

  collection(): Operation[] {
    const { kind } = this.#kind
    const subject = `${this.#infix}${kind}`
    const out: Operation[] = []
    if (this.#has('list')) {
      out.push(
        this.#make('get', 'list', 'list', subject, `list or watch objects of kind ${kind}`, {
          query: this.#has('watch') ? [...LIST, WATCH] : LIST,
          answer: this.#list,
          codes: [200],
        }),
      )
    }
    if (this.#has('create')) {
      out.push(
        this.#make('post', 'post', 'create', subject, `create a ${kind}`, {
          query: WRITE,
          body: this.#own,
          answer: this.#own,
          codes: [200, 201, 202],
        }),
      )
    }
    if (this.#has('deletecollection')) {
      out.push(
        this.#make('delete', 'deletecollection', 'delete', `Collection${subject}`, `delete collection of ${kind}`, {
          query: [DRY_RUN, ...LIST.filter((p) => p.name !== 'allowWatchBookmarks'), ...DELETE],
          body: this.#deleteOptions,
          bodyRequired: false,
          answer: this.#status,
          codes: [200],
        }),
      )
    }
    return out
  }

  allNamespaces(): Operation[] {
    if (!this.#has('list')) return []
    const { kind } = this.#kind
    return [
      this.#make('get', 'list', 'list', `${kind}ForAllNamespaces`, `list or watch objects of kind ${kind}`, {
        query: this.#has('watch') ? [...LIST, WATCH] : LIST,
        answer: this.#list,
        codes: [200],
      }),
    ]
  }

  item(): Operation[] {
    const { kind } = this.#kind
    const subject = `${this.#infix}${kind}`
    const out = this.#readWrite(subject, kind, this.#own, undefined)
    if (this.#has('delete')) {
      out.push(
        this.#make('delete', 'delete', 'delete', subject, `delete a ${kind}`, {
          query: [DRY_RUN, ...DELETE],
          body: this.#deleteOptions,
          bodyRequired: false,
          answer: this.#status,
          codes: [200, 202],
        }),
      )
    }
    return out
  }

  #readWrite(
    subject: string,
    what: string,
    type: TypeRef,
    gvk: GroupVersionKind | undefined,
    verbs = this.#kind.verbs,
  ): Operation[] {
    const named = gvk ? { gvk } : {}
    const out: Operation[] = []
    if (verbs.includes('get')) {
      out.push(
        this.#make('get', 'get', 'read', subject, `read the specified ${what}`, {
          query: [],
          answer: type,
          codes: [200],
          ...named,
        }),
      )
    }
    if (verbs.includes('update')) {
      out.push(
        this.#make('put', 'put', 'replace', subject, `replace the specified ${what}`, {
          query: WRITE,
          body: type,
          answer: type,
          codes: [200, 201],
          ...named,
        }),
      )
    }
    if (verbs.includes('patch')) {
      out.push(
        this.#make('patch', 'patch', 'patch', subject, `partially update the specified ${what}`, {
          query: [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, FORCE],
          body: 'patch',
          answer: type,
          codes: [200, 201],
          ...named,
        }),
      )
    }
    return out
  }

  subresource(subresource: Subresource, suffix = ''): Operation[] {
    const { kind } = this.#kind
    const facts = subresourceFacts(this.#kind, subresource)
    const subject = `${this.#infix}${kind}${capital(subresource)}${suffix}`
    const streams = CONNECT[subresource]
    if (streams && subresource === 'log') {
      return [
        this.#make('get', 'get', 'read', subject, `read log of the specified ${kind}`, {
          query: streams,
          answer: undefined,
          codes: [200],
        }),
      ]
    }
    if (streams) {
      const methods: Method[] = subresource === 'proxy' ? ['get', 'put', 'post', 'delete', 'patch'] : ['get', 'post']
      return methods.map((method) =>
        this.#make(
          method,
          'connect',
          'connect',
          `${capital(method)}${subject}`,
          `connect ${method.toUpperCase()} requests to ${subresource} of ${kind}`,
          {
            query: streams.filter((p) => !suffix || p.name !== 'path'),
            answer: undefined,
            codes: [200],
            ...(facts.kind ? { gvk: facts.kind } : {}),
          },
        ),
      )
    }
    const type = facts.kind ? builtinKind(facts.kind) : this.#own
    const what = `${subresource} of the specified ${kind}`
    if (facts.verbs.includes('create')) {
      return [
        this.#make('post', 'post', 'create', subject, `create ${what}`, {
          query: WRITE,
          body: type,
          answer: type,
          codes: [200, 201, 202],
          ...(facts.kind ? { gvk: facts.kind } : {}),
        }),
      ]
    }
    return this.#readWrite(subject, what, type, facts.kind, facts.verbs)
  }
}

function builtin(name: string): TypeRef {
  const schema = structNamed(name)
  return { schema, name: schema.name }
}

function builtinKind({ group, version, kind }: GroupVersionKind): TypeRef {
  const schema = structFor(group, version, kind)
  return { schema, name: schema.name }
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
const lower = (word: string) => word.charAt(0).toLowerCase() + word.slice(1)

/** `rbac.authorization.k8s.io` → `RbacAuthorization`; core → `Core`. */
const groupWord = (group: string) =>
  (group || 'core')
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map(capital)
    .join('')
