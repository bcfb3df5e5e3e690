// Who may do what, for every route there is: each kind × verb × subresource × scope, and each path that is no resource, for five sorts of
// users. Routes are enumerated from the server's own registry, so that a new one is covered without being named here; what is expected is
// worked out anew from the role objects, by a model that shares nothing with the server's authorisers.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Kind } from '../../src/api/kinds/kind.ts'
import type { ApiRequest, UserInfo } from '../../src/api/wire.ts'
import { subresourceFacts } from '../../src/apiserver/resources.ts'
import { type TestApi, testApi, withDefaultAccount } from '../../src/apiserver/test-api.ts'
import { type ConformanceServer, conformanceServer, type Json } from './server.ts'

const USERS: Readonly<Record<string, UserInfo>> = {
  anonymous: { name: 'system:anonymous', groups: ['system:unauthenticated'] },
  'ordinary user': { name: 'jane', groups: ['system:authenticated'] },
  'namespace admin': { name: 'ada', groups: ['system:authenticated'] },
  node: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  'service account': {
    name: 'system:serviceaccount:blue:default',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:blue', 'system:authenticated'],
  },
}
/** The namespace that the admin has. */
const OWN = 'blue'
const OTHER = 'green'

interface Route {
  readonly method: ApiRequest['method']
  readonly url: string
  readonly verb: string
  /** Undefined for paths that are no resources. */
  readonly kind?: Kind
  readonly subresource?: string
  readonly namespace: string
  readonly name: string
}

const METHODS: Readonly<Record<string, ApiRequest['method']>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
}
const ON_COLLECTION = new Set(['list', 'watch', 'create', 'deletecollection'])

function routesOf(kind: Kind): Route[] {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  const scopes = kind.scope === 'Namespaced' ? [OWN, OTHER] : ['']
  const routes: Route[] = []
  for (const namespace of scopes) {
    // A namespace's own path says which namespace it is about.
    const isNamespace = kind.group === '' && kind.plural === 'namespaces'
    const collection = namespace ? `${root}/namespaces/${namespace}/${kind.plural}` : `${root}/${kind.plural}`
    const one = { kind, namespace: isNamespace ? 'absent' : namespace, name: 'absent' }
    for (const verb of kind.verbs) {
      const method = METHODS[verb]!
      const many = ON_COLLECTION.has(verb)
      const query = verb === 'watch' ? '?watch=true' : method === 'GET' ? '' : '?dryRun=All'
      const target = many ? { kind, namespace, name: '' } : one
      routes.push({ ...target, method, verb, url: `${collection}${many ? '' : '/absent'}${query}` })
      if (namespace === OWN && (verb === 'list' || verb === 'watch')) {
        routes.push({ kind, namespace: '', name: '', method, verb, url: `${root}/${kind.plural}${query}` })
      }
    }
    for (const subresource of kind.subresources) {
      for (const verb of subresourceFacts(kind, subresource).verbs) {
        const url = `${collection}/absent/${subresource}?dryRun=All`
        routes.push({ ...one, subresource, method: METHODS[verb]!, verb, url })
      }
    }
  }
  return routes
}

const path = (url: string): Route => ({ method: 'GET', url, verb: 'get', namespace: '', name: '' })

/** The root lists what there is; these are below what it lists, or nowhere. */
const MORE_PATHS = [
  ...['/', '/healthz/ping', '/livez/ping', '/readyz/storage', '/version/', '/openapi/v3/api/v1', '/openid/v1/jwks'],
  ...[
    '/.well-known/openid-configuration',
    '/metrics/slis',
    '/debug/pprof',
    '/logs',
    '/nowhere',
    '/apis/none.example.com',
  ],
]

type Rule = {
  verbs: string[]
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  nonResourceURLs?: string[]
}

/** The rules that roles and bindings, as the API shows them, give a user: for the cluster, and for a namespace. */
function rulesFor(objects: Json, user: UserInfo, namespace: string): Rule[] {
  const isOf = (subject: Json, bindingNamespace: string) =>
    (subject.kind === 'User' && subject.name === user.name) ||
    (subject.kind === 'Group' && user.groups.includes(subject.name)) ||
    (subject.kind === 'ServiceAccount' &&
      `system:serviceaccount:${subject.namespace ?? bindingNamespace}:${subject.name}` === user.name)
  const bound = [
    ...objects.clusterrolebindings,
    ...objects.rolebindings.filter((b: Json) => namespace !== '' && b.metadata.namespace === namespace),
  ].filter((b: Json) => (b.subjects ?? []).some((s: Json) => isOf(s, b.metadata.namespace)))
  return bound.flatMap((b: Json) => {
    const role =
      b.roleRef.kind === 'ClusterRole'
        ? objects.clusterroles.find((r: Json) => r.metadata.name === b.roleRef.name)
        : objects.roles.find(
            (r: Json) => r.metadata.name === b.roleRef.name && r.metadata.namespace === b.metadata.namespace,
          )
    return role?.rules ?? []
  })
}

const any = (list: string[] | undefined, value: string) => list?.some((one) => one === '*' || one === value) ?? false

function byRoles(objects: Json, user: UserInfo, { kind, subresource, verb, namespace, name, url }: Route): boolean {
  return rulesFor(objects, user, namespace).some((rule) => {
    if (!any(rule.verbs, verb)) return false
    if (!kind) {
      const asked = url.split('?')[0]!
      return (rule.nonResourceURLs ?? []).some((pattern) =>
        pattern.endsWith('*') ? asked.startsWith(pattern.slice(0, -1)) : pattern === asked,
      )
    }
    const resource = subresource ? `${kind.plural}/${subresource}` : kind.plural
    const matches = any(rule.resources, resource) || (subresource && rule.resources?.includes(`*/${subresource}`))
    return (
      any(rule.apiGroups, kind.group) && matches && (!rule.resourceNames?.length || rule.resourceNames.includes(name))
    )
  })
}

/** What a node may besides its roles, when no pod is on it and objects are named otherwise than the node. */
function byNode(nodeRules: Rule[], route: Route): boolean {
  const { kind, subresource, verb, namespace } = route
  if (!kind) return false
  const what = `${kind.group}/${kind.plural}${subresource ? `/${subresource}` : ''}`
  // Only what pods on the node refer to, or what bears the node's name.
  if (/^\/(secrets|configmaps|persistentvolumeclaims|persistentvolumes|serviceaccounts)(\/|$)/.test(what)) return false
  if (what === 'storage.k8s.io/volumeattachments') return false
  if (what === 'resource.k8s.io/resourceclaims') return false
  if (what === 'coordination.k8s.io/leases') return verb === 'create' && namespace === 'kube-node-lease'
  if (what === 'storage.k8s.io/csinodes') return verb === 'create'
  if (what === 'resource.k8s.io/resourceslices') return verb === 'create'
  // Its own Node is named otherwise, no pod runs on it, and lists are not narrowed to it; admission looks at what it writes.
  if (what === '/nodes') return verb === 'create' || verb === 'update' || verb === 'patch'
  if (what === '/pods') return verb === 'create' || verb === 'delete'
  return nodeRules.some(
    (rule) =>
      any(rule.verbs, verb) &&
      any(rule.apiGroups, kind.group) &&
      any(rule.resources, what.split('/').slice(1).join('/')),
  )
}

describe('the authorisation matrix', () => {
  let api: TestApi
  let served: ConformanceServer
  let routes: Route[]
  let objects: Json

  before(async () => {
    api = await testApi()
    for (const name of [OWN, OTHER]) {
      await api.post('/api/v1/namespaces', { metadata: { name } })
      await withDefaultAccount(api, name)
    }
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    await api.post(`${rbac}/namespaces/${OWN}/rolebindings`, {
      metadata: { name: 'ada' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ada' }],
    })
    const items = async (plural: string) => (await api.get(`${rbac}/${plural}`)).body.items
    objects = {
      clusterroles: await items('clusterroles'),
      roles: await items('roles'),
      clusterrolebindings: await items('clusterrolebindings'),
      rolebindings: await items('rolebindings'),
    }
    const { paths } = (await api.get('/')).body
    routes = [...api.server.resources.kinds.flatMap(routesOf), ...[...paths, ...MORE_PATHS].map(path)]
    served = await conformanceServer()
  })
  after(async () => {
    await api.close()
    await served.close()
  })

  for (const [sort, user] of Object.entries(USERS)) {
    it(`${sort}: allowed or denied as the roles say`, async () => {
      const nodeRules = objects.clusterroles.find((r: Json) => r.metadata.name === 'system:node').rules
      const wrong: string[] = []
      for (const route of routes) {
        const expected = byRoles(objects, user, route) || (sort === 'node' && byNode(nodeRules, route))
        const leave = new AbortController()
        const { status, body } = await api.request(route.method, route.url, bodyFor(route), {
          user,
          signal: leave.signal,
          headers: { 'content-type': route.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
        })
        leave.abort()
        // Admission refuses with 403 too, in other words.
        const denied = status === 403 && /^.*forbidden: User ".*" cannot /.test(body?.message ?? '')
        if (denied === expected)
          wrong.push(`${route.method} ${route.url}: ${status}, expected ${expected ? 'allowed' : 'denied'}`)
      }
      assert.deepEqual(wrong, [])
    })
  }

  it('nobody without a credential gets past the door, but for health, version and cluster-info', async () => {
    const open: string[] = []
    for (const { method, url } of routes) {
      const { status } = await served.send(method, url, undefined, { token: '' })
      if (status !== 401) open.push(`${url} ${status}`)
    }
    assert.deepEqual([...new Set(open)].sort(), [
      '/healthz 200',
      '/livez 200',
      '/readyz 200',
      '/version 200',
      '/version/ 200',
    ])
    const info = await served.get('/api/v1/namespaces/kube-public/configmaps/cluster-info', { token: '' })
    assert.equal(info.status, 404, 'may be read, and is not there in a server without controllers')
  })

  it('covers every kind, and more than one thousand routes', () => {
    const covered = new Set(
      routes.flatMap(({ kind }) => (kind ? [`${kind.group}/${kind.version}/${kind.plural}`] : [])),
    )
    for (const { group, version, plural, verbs } of api.server.resources.kinds) {
      if (verbs.length > 0) assert.ok(covered.has(`${group}/${version}/${plural}`), plural)
    }
    assert.ok(routes.length > 1000, `${routes.length}`)
  })
})

/** Something that is understood and does nothing. */
const bodyFor = ({ method }: Route): object | undefined => (method === 'GET' || method === 'DELETE' ? undefined : {})
