// Making, changing and deleting objects in every way that kubectl knows, with each kubectl program.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from './cluster.ts'
import { MANIFEST, withEachKubectl } from './kubectl-session.ts'

withEachKubectl('objects', (session) => {
  const { k, ns } = session
  const replicas = () => k('get deployment web -o jsonpath={.spec.replicas}')

  test('create makes each kind that it has a command for', async () => {
    const created = async (args: string, name: string) => assert.equal(await k(`create ${args}`), `${name} created\n`)
    await created('deployment web --image=nginx:alpine --replicas=1 --port=80', 'deployment.apps/web')
    await created('configmap c --from-literal=a=b', 'configmap/c')
    await created('secret generic s --from-literal=a=b', 'secret/s')
    await created('secret docker-registry d --docker-server=x --docker-username=u --docker-password=p', 'secret/d')
    await created('serviceaccount robot', 'serviceaccount/robot')
    await created('service clusterip cip --tcp=80:80', 'service/cip')
    await created('service nodeport np --tcp=81:80', 'service/np')
    await created('service externalname en --external-name=x.example', 'service/en')
    await created("ingress ing '--rule=x.example/foo=web:80'", 'ingress.networking.k8s.io/ing')
    await created("cronjob cj --image=busybox --schedule='*/5 * * * *' -- true", 'cronjob.batch/cj')
    await created('job j --image=busybox -- true', 'job.batch/j')
    await created('quota q --hard=pods=20', 'resourcequota/q')
    await created('poddisruptionbudget p --selector=app=none --min-available=1', 'poddisruptionbudget.policy/p')
    await created('role r --verb=get,list --resource=pods', 'role.rbac.authorization.k8s.io/r')
    await created(`rolebinding rb --role=r --serviceaccount=${ns}:robot`, 'rolebinding.rbac.authorization.k8s.io/rb')
    assert.equal(await k('expose deployment web --name=exposed --type=NodePort'), 'service/exposed exposed\n')
    assert.equal(await k('autoscale deployment web --max=3'), 'horizontalpodautoscaler.autoscaling/web autoscaled\n')
    assert.match(await k('get service np'), /np +NodePort +\S+ +<none> +81:3\d{4}\/TCP/)
    assert.match(await k('get secret d'), /d +kubernetes\.io\/dockerconfigjson +1/)
    assert.match(await k('get ingress ing'), /ing +<none> +x\.example +80/)
    assert.match(await k('get hpa web'), /web +Deployment\/web +cpu: <unknown>\/80% +1 +3 +0/)
    assert.equal(await k('create configmap c2 --dry-run=server -o name'), 'configmap/c2\n')
    assert.equal((await session.try('get configmap c2')).code, 1)
  })

  test("a created token is the service account's own, with its rights", async () => {
    const token = (await k('create token robot --duration=10m')).trim()
    const server = await k('config view -o jsonpath={.clusters[0].cluster.server}')
    const call = (path: string) =>
      session.host.run(['curl', '-sk', '-m', '5', '-H', `Authorization: Bearer ${token}`, `${server}${path}`])
    assert.match((await call(`/api/v1/namespaces/${ns}/pods`)).stdout, /"kind": ?"PodList"/)
    assert.match(
      (await call(`/api/v1/namespaces/${ns}/secrets`)).stdout,
      new RegExp(`User \\\\"system:serviceaccount:${ns}:robot\\\\" cannot list resource`),
    )
    assert.equal((await session.try(`auth can-i list pods --as=system:serviceaccount:${ns}:robot`)).stdout, 'yes\n')
  })

  test('patch in all its types', async () => {
    assert.equal(await k(`patch deployment web -p '{"spec":{"replicas":2}}'`), 'deployment.apps/web patched\n')
    assert.match(await k(`patch deployment web -p '{"spec":{"replicas":2}}'`), /patched \(no change\)/)
    const env = '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"P","value":"1"}]}]}}}}'
    await k(`patch deployment web -p '${env}'`)
    assert.equal(await k('get deployment web -o jsonpath={.spec.template.spec.containers[*].image}'), 'nginx:alpine')
    await k(`patch deployment web --type=merge -p '{"spec":{"replicas":1}}'`)
    assert.equal(await replicas(), '1')
    await k(`patch deployment web --type=json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'`)
    assert.equal(await replicas(), '3')
    const failing = `[{"op":"test","path":"/spec/replicas","value":9},{"op":"remove","path":"/spec/replicas"}]`
    await session.refused(`patch deployment web --type=json -p '${failing}'`, /the request is invalid/i)
    await k(`patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":1}}'`)
    assert.equal(await replicas(), '1')
    assert.equal(await k('get deployment web --subresource=scale -o jsonpath={.kind}'), 'Scale')
  })

  test('replace takes the whole object, and --force makes it anew', async () => {
    const yaml = await k('get configmap c -o yaml')
    const uid = () => k('get configmap c -o jsonpath={.metadata.uid}')
    const before = await uid()
    assert.equal(await k('replace -f -', yaml.replace('a: b', 'a: c')), 'configmap/c replaced\n')
    assert.equal(await uid(), before)
    const file = join(session.host.dir, `${ns}-c.yaml`)
    writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { a: d }\n')
    assert.match(await k(`replace --force -f ${file}`), /configmap "c" deleted[^\n]*\nconfigmap\/c replaced/)
    assert.notEqual(await uid(), before)
  })

  test('apply --server-side: conflicts are told, --force-conflicts takes over', async () => {
    const config = (value: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: owned }\ndata: { a: "${value}" }\n`
    const apply = 'apply --server-side -f -'
    assert.equal(await k(apply, config('1')), 'configmap/owned serverside-applied\n')
    await session.refused(
      `${apply} --field-manager=other`,
      /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a[\s\S]*--force-conflicts/,
      config('2'),
    )
    assert.equal(await k('get configmap owned -o jsonpath={.data.a}'), '1')
    await k(`${apply} --field-manager=other --force-conflicts`, config('2'))
    assert.equal(
      await k(
        'get configmap owned --show-managed-fields -o jsonpath={.metadata.managedFields[?(@.manager==\\"other\\")].operation}'.replaceAll(
          '\\',
          '',
        ),
      ),
      'Apply',
    )
    const diff = await session.try('diff --server-side --field-manager=other -f -', config('3'))
    assert.match(diff.stdout, /- {2}a: "2"\n\+ {2}a: "3"/)
  })

  test('apply --prune deletes what was left out, apply -k and its like work on a directory', async () => {
    const dir = join(session.host.dir, `${ns}-kustomize`)
    mkdirSync(dir, { recursive: true })
    const map = (name: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, labels: { set: pruned } }\n---\n`
    const prune = 'apply --prune -l set=pruned --prune-allowlist=core/v1/ConfigMap -f -'
    await k(prune, map('one') + map('two'))
    assert.match(await k(prune, map('one')), /configmap\/one unchanged\nconfigmap\/two pruned/)
    writeFileSync(join(dir, 'one.yaml'), map('one'))
    writeFileSync(join(dir, 'kustomization.yaml'), 'resources: [one.yaml]\nnamePrefix: pre-\n')
    assert.equal(await k(`apply -k ${dir}`), 'configmap/pre-one created\n')
    assert.equal(await k(`get -k ${dir} -o name`), 'configmap/pre-one\n')
    assert.equal(await k(`diff -k ${dir}`), '')
    assert.match(await k(`delete -k ${dir}`), /configmap "pre-one" deleted/)
  })

  test('set resources, service account and selector; view-last-applied', async () => {
    await k('apply -f -', MANIFEST.replaceAll('name: web', 'name: two').replaceAll('app: web', 'app: two'))
    await k('set resources deployment two --limits=cpu=200m,memory=64Mi')
    await k('set serviceaccount deployment two robot')
    await k('set selector service two app=two')
    await k('set subject rolebinding rb --user=jane')
    await k('rollout status deployment/two --timeout=60s')
    const seen = '-o jsonpath={.items[*].spec.serviceAccountName}/{.items[*].status.qosClass}'
    await until(
      'only the new pods are left',
      async () => (await k(`get pods -l app=two ${seen}`)) === 'robot robot/Guaranteed Guaranteed',
    )
    assert.equal((await session.try('auth can-i list pods --as=jane')).stdout, 'yes\n')
    assert.match(await k('apply view-last-applied deployment/two'), /replicas: 2/)
    assert.match(await k('describe configmap page'), /index\.html:\n----\nhello from a pod/)
    assert.match((await session.try('get endpoints two')).stderr, /v1 Endpoints is deprecated in v1\.33\+/)
  })

  test('delete: orphans, foreground, dry run, by label, by file, all', async () => {
    await k('delete deployment two --dry-run=server')
    const [set] = (await k('get replicasets -l app=two --sort-by=.spec.replicas -o name')).trim().split('\n').reverse()
    await k('delete deployment two --cascade=orphan')
    assert.equal(await k(`get ${set} -o jsonpath={.spec.replicas}`), '2')
    await until('the replica set is nobody’s', async () => !(await k(`get ${set} -o yaml`)).includes('ownerReferences'))
    await k('delete replicasets -l app=two --cascade=foreground')
    assert.equal(await k('get pods -l app=two --field-selector=status.phase=Running -o name'), '')
    await session.refused(
      'delete -f -',
      /deployments\.apps "two" not found/,
      MANIFEST.replaceAll('name: web', 'name: two'),
    )
    assert.equal(await k('delete -f - --ignore-not-found', MANIFEST.replaceAll('name: web', 'name: two')), '')
    assert.match((await session.try('delete configmap,secret -l app=nosuch')).stdout, /No resources found/)
    assert.match(await k('delete all --all'), /deployment\.apps "web" deleted/)
    assert.equal(await k('get all -o name'), '')
    assert.match(await k('delete configmap --all'), /kube-root-ca\.crt/)
    await until('the CA is given again', async () => (await k('get configmaps -o name')).includes('kube-root-ca.crt'))
  })
})
