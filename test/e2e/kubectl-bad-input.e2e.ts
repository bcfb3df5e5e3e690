// Bad input through kubectl: each gets the words that Kubernetes' users know, and changes nothing. With each kubectl program.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MANIFEST, withEachKubectl } from './kubectl-session.ts'

const deployment = (change: (yaml: string) => string = (yaml) => yaml) =>
  change(`apiVersion: apps/v1
kind: Deployment
metadata: { name: bad }
spec:
  replicas: 1
  selector: { matchLabels: { app: bad } }
  template:
    metadata: { labels: { app: bad } }
    spec:
      containers:
      - { name: c, image: nginx }
`)
const replaced = (from: string, to: string) => deployment((yaml) => yaml.replace(from, to))
const pod = (spec: string) => `apiVersion: v1\nkind: Pod\nmetadata: { name: bad }\nspec: ${spec}\n`
const container = (more: string) => pod(`{ containers: [{ name: c, image: nginx, ${more} }] }`)
const service = (spec: string, name = 'bad') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: ${spec}\n`

withEachKubectl('bad-input', (session) => {
  const { k, refused, ns } = session
  /** Both ways of making an object refuse it. */
  const unmade = async (pattern: RegExp, input: string) => {
    for (const verb of ['create', 'apply']) await refused(`${verb} -f -`, pattern, input)
  }

  test('an unknown kind or version has no match', async () => {
    const of = (apiVersion: string, kind: string) => `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x }\n`
    await unmade(/no matches for kind "Foo" in version "v1"\nensure CRDs are installed first/, of('v1', 'Foo'))
    await unmade(/no matches for kind "Pod" in version "v9"/, of('v9', 'Pod'))
    await unmade(/no matches for kind "Deployment" in version "apps\/v1beta1"/, of('apps/v1beta1', 'Deployment'))
    await unmade(/no matches for kind "Thing" in version "example\.com\/v1"/, of('example.com/v1', 'Thing'))
    await refused('get foo', /the server doesn't have a resource type "foo"/)
    await refused('get --raw /apis/nosuch', /the server could not find the requested resource/)
  })

  test('malformed YAML and JSON, and documents that are no objects', async () => {
    await unmade(/error converting YAML to JSON: yaml: line 1: did not find expected node content/, 'a: [\n')
    await unmade(/found a tab character that violates indentation/, 'kind: ConfigMap\n\tmetadata: x\n')
    await unmade(/kind not set|apiVersion not set/, '{"apiVersion": "v1"}')
    await unmade(/no objects passed to/, '')
    await k('create configmap patched')
    await refused(`patch configmap patched --type=merge -p '{"data":'`, /unexpected end of JSON input|did not find/)
    await refused("get pods -l 'a b c'", /unable to parse requirement|couldn't parse the selector/)
    await refused('get pods --field-selector=foo=bar', /field label not supported: foo/)
  })

  test('an unknown field is refused, warned of, or ignored, as asked', async () => {
    const unknown = replaced('replicas: 1', 'replica: 1')
    await unmade(/strict decoding error: unknown field "spec\.replica"/, unknown)
    const warned = await session.try('apply -f - --validate=warn --dry-run=server', unknown)
    assert.match(warned.stderr, /Warning: unknown field "spec\.replica"/)
    assert.equal(warned.code, 0)
    const ignored = await session.try('apply -f - --validate=ignore --dry-run=server', unknown)
    assert.deepEqual([ignored.code, ignored.stderr], [0, ''])
  })

  test('a value of the wrong type', async () => {
    const cannot = (what: string) => new RegExp(`json: cannot unmarshal ${what}`)
    await unmade(
      cannot('string into Go struct field DeploymentSpec\\.spec\\.replicas of type int32'),
      replaced('replicas: 1', 'replicas: many'),
    )
    await unmade(cannot('number 1\\.5 into'), replaced('replicas: 1', 'replicas: 1.5'))
    await unmade(cannot('(string|array) into'), replaced('selector: { matchLabels: { app: bad } }', 'selector: [a]'))
    await unmade(/quantities must match the regular expression/, container('resources: { limits: { cpu: lots } }'))
  })

  test('values out of range and of no meaning', async () => {
    await unmade(
      /The Deployment "bad" is invalid: spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
      replaced('replicas: 1', 'replicas: -1'),
    )
    await unmade(
      /spec\.template\.metadata\.labels: Invalid value: \{"app":"other"\}: `selector` does not match template `labels`/,
      replaced('metadata: { labels: { app: bad } }', 'metadata: { labels: { app: other } }'),
    )
    await unmade(
      /spec\.selector: Required value[\s\S]*spec\.template\.spec\.containers: Required value/,
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: bad }\n',
    )
    await unmade(/spec\.containers: Required value/, pod('{ containers: [] }'))
    await unmade(
      /containerPort: Invalid value: 99999: must be between 1 and 65535/,
      container('ports: [{ containerPort: 99999 }]'),
    )
    await unmade(
      /imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"/,
      container('imagePullPolicy: Maybe'),
    )
    await unmade(
      /resources\.requests: Invalid value: "2": must be less than or equal to cpu limit of 1/,
      container('resources: { limits: { cpu: 1 }, requests: { cpu: 2 } }'),
    )
    await unmade(/spec\.ports: Required value/, service('{ ports: [] }'))
    await unmade(
      /range of valid ports is 30000-32767/,
      service('{ type: NodePort, ports: [{ port: 80, nodePort: 80 }] }'),
    )
    await unmade(/failed to allocate IP 1\.2\.3\.4/, service('{ clusterIP: 1.2.3.4, ports: [{ port: 80 }] }'))
  })

  test('bad names', async () => {
    await refused('create configmap Bad_Name', /a lowercase RFC 1123 subdomain must consist of/)
    await refused('create namespace Bad_Name', /a lowercase RFC 1123 label must consist of/)
    await refused(`create namespace ${'a'.repeat(64)}`, /must be no more than 63 bytes/)
    await refused('create configmap c --from-literal=bad/key=1', /is not a valid key name for a ConfigMap/)
    await unmade(/must not contain dots/, service('{ ports: [{ port: 80 }] }', 'x.1'))
    await unmade(/a lowercase RFC 1123 label must consist of/, replaced('name: c,', 'name: C_c,'))
    await refused('label configmap patched bad/label/x=1', /a qualified name must consist of/)
    await refused('-n nosuch create configmap c', /namespaces "nosuch" not found/)
  })

  test('what is too large', async () => {
    const file = (bytes: number) => {
      const path = join(session.host.dir, `${bytes}`)
      writeFileSync(path, 'a'.repeat(bytes))
      return path
    }
    await refused(
      `create configmap large --from-file=${file(1_100_000)}`,
      /ConfigMap "large" is invalid: \[\]: Too long: may not be more than 1048576 bytes/,
    )
    await refused(
      `create secret generic large --from-file=${file(1_100_000)}`,
      /Secret "large" is invalid: data: Too long: may not be more than 1048576 bytes/,
    )
    await refused(`create configmap large --from-file=${file(3_200_000)}`, /Request entity too large: limit is 3145728/)
    const note = `metadata: { annotations: { note: ${'a'.repeat(270_000)} } }`
    await refused(
      'apply -f - --server-side',
      /metadata\.annotations: Too long: may not be more than 262144 bytes/,
      `apiVersion: v1\nkind: ConfigMap\n${note.replace('{ annotations', '{ name: large, annotations')}\n`,
    )
  })

  test('immutable fields, stale versions, missing objects', async () => {
    await k('apply -f -', MANIFEST)
    const immutable = MANIFEST.replaceAll('app: web', 'app: other')
    await refused(
      'apply -f -',
      /spec\.selector: Invalid value: \{"matchLabels":\{"app":"other"\}\}: field is immutable/,
      immutable,
    )
    await refused(
      `patch service web -p '{"spec":{"clusterIP":"10.96.9.9"}}'`,
      /spec\.clusterIPs\[0\]: Invalid value: \["10\.96\.9\.9"\]: may not change once set/,
    )
    const [podName] = (await k('get pods -l app=web -o name')).split('\n')
    await refused(
      `patch ${podName} -p '{"spec":{"restartPolicy":"Never"}}'`,
      /spec: Forbidden: pod updates may not change fields other than/,
    )
    const stale = await k('get configmap page -o yaml')
    await k('annotate configmap page touched=yes')
    await refused(
      'replace -f -',
      /Error from server \(Conflict\):.*Operation cannot be fulfilled on configmaps "page": the object has been modified; please apply your changes to the latest version and try again/,
      stale,
    )
    await refused('get pod nosuch', /^Error from server \(NotFound\): pods "nosuch" not found\n$/)
    await refused('delete deployment nosuch', /deployments\.apps "nosuch" not found/)
    await refused('scale deployment nosuch --replicas=1', /deployments\.apps "nosuch" not found/)
    await refused(`patch deployment nosuch -p '{}'`, /deployments\.apps "nosuch" not found/)
    await refused('create configmap page', /configmaps "page" already exists/)
    await refused('set image deployment/web nosuch=x', /unable to find container named "nosuch"/)
    assert.equal(await k('get deployment web -o jsonpath={.spec.selector.matchLabels.app}'), 'web')
  })

  test('what the user may not do is forbidden, with the reason', async () => {
    await refused(
      'get pods --as=joe',
      new RegExp(`pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "${ns}"`),
    )
    await refused(
      'delete namespace kube-system',
      /namespaces "kube-system" is forbidden: this namespace may not be deleted/,
    )
  })

  test('none of this has made or changed anything', async () => {
    assert.equal((await k('get pods,deployments,services,secrets -o name')).match(/bad|large/), null)
    assert.match(
      await k('get configmaps -o name'),
      /^configmap\/kube-root-ca.crt\nconfigmap\/page\nconfigmap\/patched\n$/,
    )
    assert.equal((await session.try('get namespace nosuch Bad_Name')).code, 1)
    assert.equal(await session.cluster.kubectl('get --raw /readyz'), 'ok')
  })
})
