// Every kubectl command that the README promises, with each kubectl program that can be had.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'

let host: Host
before(async () => {
  host = startHost('kubectl')
  const { code, stderr } = await clusterOn(host, kubectls()[0]!.path).skiff('up')
  assert.equal(code, 0, stderr)
})
after(async () => {
  await clusterOn(host, kubectls()[0]!.path).skiff('down', '--purge')
  host.stop()
})

const MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata: { name: page }
data: { index.html: "hello from a pod\\n" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: nginx
        image: nginx:alpine
        ports: [{ containerPort: 80 }]
        volumeMounts: [{ name: page, mountPath: /usr/share/nginx/html }]
      volumes: [{ name: page, configMap: { name: page } }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`

/** Starts kubectl and collects what it prints until it is ended. */
function background(cluster: Cluster, args: readonly string[]) {
  const child = spawn(join(import.meta.dirname, '../testbed/host.sh'), ['run', host.name, ...args], {
    env: { ...process.env, SKIFF_TESTBED_DIR: host.dir, KUBECONFIG: cluster.kubeconfig, HOME: host.dir },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return {
    child,
    output: () => output,
    prints: (pattern: RegExp) =>
      until(`${args.slice(1).join(' ')} prints ${pattern}`, async () => pattern.test(output)).catch((err) =>
        Promise.reject(new Error(`${err.message}; it printed:\n${output}`)),
      ),
    end: () => child.kill('SIGTERM'),
  }
}

for (const program of kubectls()) {
  describe(`kubectl ${program.version}`, { concurrency: 1 }, () => {
    const ns = `k${program.version.replace('.', '-')}`
    let cluster: Cluster
    const k = (args: string, input?: string) => cluster.kubectl(`-n ${ns} ${args}`, { input })
    before(async () => {
      cluster = clusterOn(host, program.path)
      await cluster.kubectl(`create namespace ${ns}`)
    })

    test('create namespace --dry-run=client -o yaml prints and changes nothing', async () => {
      const yaml = await cluster.kubectl('create namespace blue --dry-run=client -o yaml')
      assert.match(yaml, /kind: Namespace\nmetadata:\n( {2}creationTimestamp: null\n)? {2}name: blue/)
      assert.equal((await cluster.tryKubectl('get namespace blue')).code, 1)
    })

    test('apply -n creates, wait --for=condition=Available returns', async () => {
      assert.equal(
        await k('apply -f -', MANIFEST),
        'configmap/page created\ndeployment.apps/web created\nservice/web created\n',
      )
      assert.match(await k('wait --for=condition=Available deployment/web --timeout=60s'), /condition met/)
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
      assert.match(
        await k('get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image'),
        /^POD +IMAGE\nweb-\S+ +nginx:alpine\n/,
      )
      assert.match(
        await k('get all'),
        /pod\/web-[\s\S]*service\/web[\s\S]*deployment\.apps\/web[\s\S]*replicaset\.apps\/web-/,
      )
      assert.match(await k('get pods -l app=web -o name'), /^pod\/web-\S+\npod\/web-\S+\n$/)
      assert.match(await cluster.kubectl('get nodes'), /node1 +Ready +control-plane +\S+ +v1\.36/)
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
      assert.match(await cluster.kubectl('describe node node1'), /KubeletReady[\s\S]*Allocated resources/)
    })

    test('events lists them', async () => {
      assert.match(await k('events'), /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n[\s\S]*ScalingReplicaSet/)
    })

    test('get -w shows changes as they happen', async () => {
      const watching = background(cluster, [program.path, '-n', ns, 'get', 'configmaps', '-w'])
      await watching.prints(/page/)
      await k('create configmap seen --from-literal=a=1')
      await watching.prints(/seen +1/)
      watching.end()
    })

    test('diff shows a change and exits 1; apply makes it', async () => {
      const changed = MANIFEST.replace('replicas: 2', 'replicas: 3')
      const diff = await cluster.tryKubectl(`-n ${ns} diff -f -`, { input: changed })
      assert.equal(diff.code, 1, diff.stderr)
      assert.match(diff.stdout, /- {2}replicas: 2\n\+ {2}replicas: 3/)
      assert.match(await k('apply -f -', changed), /deployment.apps\/web configured/)
      await k('rollout status deployment/web --timeout=60s')
    })

    test('edit changes an object through an editor', async () => {
      const editor = join(host.dir, 'editor.sh')
      writeFileSync(editor, '#!/bin/sh\nsed -i "s/a: .1./a: edited/" "$1"\n', { mode: 0o755 })
      const { code, stdout, stderr } = await cluster.tryKubectl(`-n ${ns} edit configmap seen`, {
        env: { EDITOR: editor, KUBE_EDITOR: editor },
      })
      assert.equal(code, 0, stderr)
      assert.match(stdout, /configmap\/seen edited/)
      assert.equal(await k('get configmap seen -o jsonpath={.data.a}'), 'edited')
    })

    test('scale, set image, rollout status, history and undo', async () => {
      await k('scale deployment web --replicas=1')
      await k('rollout status deployment/web --timeout=60s')
      await k('set image deployment/web nginx=busybox:latest')
      await k('rollout undo deployment/web')
      assert.match(await k('rollout status deployment/web --timeout=60s'), /successfully rolled out/)
      assert.match(await k('rollout history deployment/web'), /REVISION +CHANGE-CAUSE\n2 +<none>\n3 +<none>/)
      assert.equal(await k('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}'), 'nginx:alpine')
    })

    test('label and annotate', async () => {
      assert.match(await k('label deployment web tier=front'), /labeled/)
      assert.match(await k('annotate deployment web note=hello'), /annotated/)
      assert.equal(await k('get deployment -l tier=front -o jsonpath={.items[0].metadata.annotations.note}'), 'hello')
    })

    test('logs -f follows, exec -it runs a shell, attach-free', async () => {
      await k(
        'run talker --image=busybox:latest --restart=Never -- sh -c "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.3; done"'.replaceAll(
          '"',
          "'",
        ),
      )
      await k('wait --for=condition=Ready pod/talker --timeout=30s')
      const following = background(cluster, [program.path, '-n', ns, 'logs', '-f', 'talker'])
      await following.prints(/line 0\nline 1\nline 2/)
      following.end()
      assert.match(await k('logs talker --tail=1 --timestamps'), /^\d{4}-\d\d-\d\dT\S+Z line \d+\n$/)
      assert.equal(await k("exec talker -- sh -c 'echo $((6*7))'"), '42\n')
      const failing = await cluster.tryKubectl(`-n ${ns} exec talker -- sh -c 'exit 7'`)
      assert.equal(failing.code, 7)
      assert.equal(
        await cluster.kubectl(`-n ${ns} exec -i talker -- cat`, { input: 'through stdin\n' }),
        'through stdin\n',
      )
      const terminal = await host.run(
        ['script', '-qec', `${program.path} -n ${ns} exec -it talker -- sh -c 'tty; exit 3'`, '/dev/null'],
        { env: { KUBECONFIG: cluster.kubeconfig, HOME: host.dir } },
      )
      assert.match(terminal.stdout, /\/dev\/pts\/0/)
      assert.equal(terminal.code, 3)
      await k('delete pod talker --now')
    })

    test('port-forward reaches a port of a pod', async () => {
      const forwarding = background(cluster, [program.path, '-n', ns, 'port-forward', 'deployment/web', '18080:80'])
      await forwarding.prints(/Forwarding from 127\.0\.0\.1:18080/)
      for (let i = 0; i < 3; i++) {
        assert.equal(
          (await host.run(['curl', '-sS', '-m', '5', 'http://127.0.0.1:18080/'])).stdout,
          'hello from a pod\n',
        )
      }
      forwarding.end()
    })

    test('explain, api-resources, cluster-info, config view', async () => {
      assert.match(await cluster.kubectl('explain deployment.spec.strategy'), /KIND: +Deployment[\s\S]*rollingUpdate/)
      assert.match(await cluster.kubectl('explain pods --recursive'), /containers\s+<\[\]Container> -required-/)
      assert.match(await cluster.kubectl('api-resources'), /deployments +deploy +apps\/v1 +true +Deployment/)
      assert.match(await cluster.kubectl('cluster-info'), /control plane.*is running at/)
      assert.match(await cluster.kubectl('config view'), /certificate-authority-data: DATA\+OMITTED/)
    })

    test('bad input is refused with the usual words and changes nothing', async () => {
      const refuse = async (args: string, pattern: RegExp, input?: string) => {
        const { code, stderr, stdout } = await cluster.tryKubectl(`-n ${ns} ${args}`, { input })
        assert.notEqual(code, 0, stdout)
        assert.match(stderr, pattern)
      }
      await refuse(
        'apply -f -',
        /no matches for kind "Foo" in version "v1"/,
        'apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n',
      )
      await refuse('apply -f -', /error parsing|error converting YAML/, 'a: [\n')
      await refuse('apply -f -', /unknown field "spec\.replica"/, MANIFEST.replace('replicas: 2', 'replica: 2'))
      await refuse(
        'apply -f -',
        /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
        MANIFEST.replace('replicas: 2', 'replicas: -1'),
      )
      await refuse(
        'create -f -',
        /cannot unmarshal string into Go struct field|expected integer|strict decoding/,
        MANIFEST.replace('replicas: 2', 'replicas: many')
          .replaceAll('name: web', 'name: web2')
          .replaceAll('name: page', 'name: page2'),
      )
      await refuse(
        'apply -f -',
        /spec\.selector: Invalid value: .*field is immutable/,
        MANIFEST.replaceAll('app: web', 'app: other'),
      )
      await refuse('create configmap Bad_Name', /a lowercase RFC 1123 subdomain must consist of/)
      await refuse('get pod nosuch', /pods "nosuch" not found/)
      await refuse('create configmap page', /configmaps "page" already exists/)
      assert.equal(await k('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}'), 'nginx:alpine')
    })

    test('delete removes the namespace with all that is in it', async () => {
      await cluster.kubectl(`delete namespace ${ns} --timeout=60s`, { timeoutMs: 70_000 })
      assert.equal(await k('get pods -o name'), '')
      assert.deepEqual(
        (await host.run(['docker', 'ps', '-aq', '--filter', `label=io.kubernetes.pod.namespace=${ns}`])).stdout,
        '',
      )
    })
  })
}
