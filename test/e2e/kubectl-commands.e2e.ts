// The kubectl commands of an ordinary day, in the order in which a user meets them, with each kubectl program that can be had.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from './cluster.ts'
import { MANIFEST, withEachKubectl } from './kubectl-session.ts'

withEachKubectl('kubectl', (session) => {
  const { k, ns } = session
  const cluster = (args: string) => session.cluster.kubectl(args)

  test('create namespace --dry-run=client -o yaml prints and changes nothing', async () => {
    const yaml = await cluster('create namespace blue --dry-run=client -o yaml')
    assert.match(yaml, /kind: Namespace\nmetadata:\n( {2}creationTimestamp: null\n)? {2}name: blue/)
    assert.equal((await session.try('get namespace blue')).code, 1)
  })

  test('apply -n creates, wait --for=condition=Available returns', async () => {
    assert.equal(
      await k('apply -f -', MANIFEST),
      'configmap/page created\ndeployment.apps/web created\nservice/web created\n',
    )
    assert.equal(
      await k('wait --for=condition=Available deployment/web --timeout=60s'),
      'deployment.apps/web condition met\n',
    )
    assert.equal(
      await k('apply -f -', MANIFEST),
      'configmap/page unchanged\ndeployment.apps/web unchanged\nservice/web unchanged\n',
    )
  })

  test('get prints tables, wide, yaml, json, jsonpath and custom columns', async () => {
    assert.match(await k('get deployments'), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/)
    assert.match(
      await k('get pods -o wide'),
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nweb-[a-z0-9]+-[a-z0-9]{5} +1\/1 +Running +0 +\d+s +10\.244\.\d+\.\d+ +node1 +<none> +<none>\n/,
    )
    assert.match(await k('get service web'), /web +ClusterIP +10\.\d+\.\d+\.\d+ +<none> +80\/TCP +\d+s/)
    assert.match(await k('get deployment web -o yaml'), /^apiVersion: apps\/v1\nkind: Deployment\n/)
    assert.equal((JSON.parse(await k('get pods -o json')) as { items: unknown[] }).items.length, 2)
    assert.equal(await k('get deployment web -o jsonpath={.status.readyReplicas}'), '2')
    assert.equal(await k("get deployment web -o go-template='{{.metadata.name}}'"), 'web')
    assert.match(
      await k('get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image'),
      /^POD +IMAGE\nweb-\S+ +nginx:alpine\n/,
    )
    assert.match(
      await k('get all'),
      /pod\/web-[\s\S]*service\/web[\s\S]*deployment\.apps\/web[\s\S]*replicaset\.apps\/web-/,
    )
    assert.match(await k('get pods -l app=web -o name'), /^pod\/web-\S+\npod\/web-\S+\n$/)
    assert.match(
      await k('get pods --field-selector=status.phase=Running -o name --chunk-size=1'),
      /^(pod\/web-\S+\n){2}$/,
    )
    assert.match(await k('get pods -L app --show-labels --sort-by=.metadata.name'), /APP +LABELS\n.* web +app=web,pod-/)
    assert.match(await k('get deployment,service -A'), new RegExp(`${ns} +deployment\\.apps/web`))
    assert.match(await cluster('get nodes'), /node1 +Ready +control-plane +\S+ +v1\.36/)
    assert.equal(await cluster('get --raw /healthz'), 'ok')
  })

  test('describe tells of events and endpoints', async () => {
    assert.match(
      await k('describe deployment web'),
      /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable[\s\S]*ScalingReplicaSet[\s\S]*Scaled up replica set web-\S+ from 0 to 2/,
    )
    const pod = (await k('get pods -o name')).split('\n')[0]!
    assert.match(
      await k(`describe ${pod}`),
      /Successfully assigned[\s\S]*Container image "nginx:alpine" already present on machine[\s\S]*Started/,
    )
    assert.match(await k('describe service web'), /Endpoints: +10\.244\.\d+\.\d+:80,10\.244\.\d+\.\d+:80/)
    assert.match(await cluster('describe node node1'), /KubeletReady[\s\S]*Allocated resources/)
  })

  test('events lists them, of one object or of one type', async () => {
    assert.match(await k('events'), /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n[\s\S]*ScalingReplicaSet/)
    assert.match(await k('events --for deployment/web'), /^.*\n\d+s +Normal +ScalingReplicaSet +Deployment\/web .*\n$/)
    assert.match(await k('get events --field-selector reason=Scheduled'), /pod\/web-\S+ +Successfully assigned/)
  })

  test('get -w shows changes as they happen', async () => {
    const watching = session.background('get configmaps -w --output-watch-events')
    await watching.prints(/ADDED +page/)
    await k('create configmap seen --from-literal=a=1')
    await watching.prints(/ADDED +seen +1/)
    await k('delete configmap seen')
    await watching.prints(/DELETED +seen/)
    watching.end()
  })

  test('diff shows a change and exits 1; apply makes it', async () => {
    const changed = MANIFEST.replace('replicas: 2', 'replicas: 3')
    const diff = await session.try('diff -f -', changed)
    assert.equal(diff.code, 1, diff.stderr)
    assert.match(diff.stdout, /- {2}replicas: 2\n\+ {2}replicas: 3/)
    assert.match(await k('apply -f -', changed), /deployment.apps\/web configured/)
    await k('rollout status deployment/web --timeout=60s')
    assert.equal(await k('diff -f -', changed), '')
  })

  test('edit changes an object through an editor, and keeps what is refused for the user', async () => {
    await k('create configmap edited --from-literal=a=1')
    const editor = join(session.host.dir, 'editor.sh')
    const edit = async (script: string, what: string) => {
      writeFileSync(editor, `#!/bin/sh\nsed -i '${script}' "$1"\n`, { mode: 0o755 })
      return session.try(`edit ${what}`, undefined, { EDITOR: editor, KUBE_EDITOR: editor, TMPDIR: session.host.dir })
    }
    const { code, stdout, stderr } = await edit('s/a: .1./a: new/', 'configmap edited')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /configmap\/edited edited/)
    assert.equal(await k('get configmap edited -o jsonpath={.data.a}'), 'new')
    assert.match((await edit('s/nothing/at all/', 'configmap edited')).stderr, /Edit cancelled, no changes made/)
    const refused = await edit('s/replicas: .*/replicas: -4/', 'deployment web')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is invalid\nA copy of your changes has been stored to/)
  })

  test('scale, set image, rollout status, history and undo', async () => {
    await k('scale deployment web --replicas=1')
    await session.refused('scale deployment web --current-replicas=5 --replicas=2', /Expected replicas to be 5, was 1/)
    await k('rollout status deployment/web --timeout=60s')
    await k('set image deployment/web nginx=busybox:latest')
    await k('rollout undo deployment/web')
    assert.match(await k('rollout status deployment/web --timeout=60s'), /successfully rolled out/)
    assert.match(await k('rollout history deployment/web'), /REVISION +CHANGE-CAUSE\n2 +<none>\n3 +<none>/)
    assert.match(await k('rollout history deployment/web --revision=2'), /Image:\tbusybox:latest/)
    assert.equal(await k('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}'), 'nginx:alpine')
    await session.refused(
      'rollout undo deployment/web --to-revision=77',
      /unable to find specified revision 77 in history/,
    )
  })

  test('rollout pause, resume and restart', async () => {
    assert.equal(await k('rollout pause deployment/web'), 'deployment.apps/web paused\n')
    await session.refused('rollout pause deployment/web', /deployments\.apps "web" is already paused/)
    await k('set env deployment/web COLOR=blue')
    await session.refused('rollout undo deployment/web', /you cannot rollback a paused deployment/)
    await k('rollout resume deployment/web')
    await k('rollout status deployment/web --timeout=60s')
    assert.match(await k('set env deployment/web --list'), /COLOR=blue/)
    const pod = await k('get pods -l app=web -o name')
    assert.equal(await k('rollout restart deployment/web'), 'deployment.apps/web restarted\n')
    await k('rollout status deployment/web --timeout=60s')
    await until('the old pod is gone', async () => !(await k('get pods -l app=web -o name')).includes(pod.trim()))
  })

  test('label and annotate', async () => {
    assert.match(await k('label deployment web tier=front'), /labeled/)
    await session.refused(
      'label deployment web tier=back',
      /'tier' already has a value \(front\), and --overwrite is false/,
    )
    assert.match(await k('annotate deployment web note=hello'), /annotated/)
    assert.equal(await k('get deployment -l tier=front -o jsonpath={.items[0].metadata.annotations.note}'), 'hello')
    assert.match(await k('label deployment web tier-'), /unlabeled/)
    assert.equal(await k('get deployment -l tier -o name'), '')
  })

  test('explain, api-resources, api-versions, version, cluster-info, config view', async () => {
    assert.match(await cluster('explain deployment.spec.strategy'), /KIND: +Deployment[\s\S]*rollingUpdate/)
    assert.match(await cluster('explain pods --recursive'), /containers\s+<\[\]Container> -required-/)
    assert.match(
      await cluster('explain pod.spec.activeDeadlineSeconds'),
      /FIELD: activeDeadlineSeconds <integer>[\s\S]*Value must be a positive integer/,
    )
    assert.match(
      await cluster('explain deployment.spec.strategy --output plaintext-openapiv2'),
      /RESOURCE: +strategy <(Object|DeploymentStrategy)>[\s\S]*"Recreate" or\s+"RollingUpdate"/,
    )
    await session.refused('explain pod.spec.nosuch', /field "nosuch" does not exist/)
    assert.match(await cluster('api-resources'), /deployments +deploy +apps\/v1 +true +Deployment/)
    assert.match(await cluster('api-resources --api-group=apps -o wide'), /create,delete,deletecollection,get,list/)
    assert.match(await cluster('api-versions'), /^apps\/v1$[\s\S]*^v1$/m)
    assert.match(await cluster('version'), /Server Version: v1\.36\./)
    assert.match(await cluster('cluster-info'), /control plane.*is running at[\s\S]*CoreDNS.*is running at/)
    assert.match(await cluster('config view'), /certificate-authority-data: DATA\+OMITTED/)
    assert.equal((await session.try('auth can-i create pods')).stdout, 'yes\n')
    assert.equal((await session.try('auth can-i create pods --as=joe')).stdout, 'no\n')
    assert.match(await cluster('auth whoami'), /Username +kubernetes-admin/)
    await session.refused('top pods', /Metrics API not available/)
  })

  test('cordon, taint and drain keep pods off a node; uncordon lets them back', async () => {
    assert.equal(await cluster('cordon node1'), 'node/node1 cordoned\n')
    assert.match(await cluster('get nodes'), /Ready,SchedulingDisabled/)
    await k('create poddisruptionbudget web --selector=app=web --min-available=1')
    await until(
      'the budget is counted',
      async () => (await k('get pdb web -o jsonpath={.status.currentHealthy}')) === '1',
    )
    const drain = 'drain node1 --pod-selector=app=web --ignore-daemonsets --timeout=2s'
    await session.refused(drain, /Cannot evict pod as it would violate the pod's disruption budget/)
    await k('delete poddisruptionbudget web')
    const drained = await cluster(`drain node1 --pod-selector=app=web --ignore-daemonsets --timeout=40s`)
    assert.match(drained, /pod\/web-\S+ evicted\nnode\/node1 drained/)
    assert.match(await k('get pods -l app=web'), /0\/1 +Pending/)
    assert.equal(await cluster('taint node node1 k=v:NoSchedule'), 'node/node1 tainted\n')
    assert.equal(await cluster('uncordon node1'), 'node/node1 uncordoned\n')
    await until('the taint is told of', async () => (await k('events')).includes('1 node(s) had untolerated taint(s)'))
    assert.equal(await cluster('taint node node1 k-'), 'node/node1 untainted\n')
    await k('rollout status deployment/web --timeout=60s')
  })

  test('delete removes the namespace with all that is in it', async () => {
    await session.cluster.kubectl(`delete namespace ${ns} --timeout=60s`, { timeoutMs: 70_000 })
    assert.equal(await k('get pods -o name'), '')
    // A pod's object goes at the same moment as its containers.
    const containers = ['docker', 'ps', '-aq', '--filter', `label=io.kubernetes.pod.namespace=${ns}`]
    await until('its containers are gone', async () => (await session.host.run(containers)).stdout === '', 5000)
  })
})
