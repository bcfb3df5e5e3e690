// What a pod's manifest asks for is what its containers get, on a real Engine: order, sharing, restarts, probes, environment, volumes,
// limits, the way it ends, and the rights it runs with. Images and pulling have their own file.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { EndpointSlice } from '../../src/api/kinds/endpoint-slice.ts'
import type { Pod } from '../../src/api/kinds/pod.ts'
import { type Cluster, clusterOn, until } from './cluster.ts'
import { type Host, startHost } from './host.ts'
import { kubectls } from './kubectl.ts'
import { IMAGE, podManifest as pod, SLEEP } from './pod-manifest.ts'

let host: Host
let cluster: Cluster
before(async () => {
  host = startHost('pods')
  cluster = clusterOn(host, kubectls().at(-1)!.path)
  const { code, stderr } = await cluster.skiff('up')
  assert.equal(code, 0, stderr)
})
after(async () => {
  await cluster?.skiff('down', '--purge')
  host?.stop()
})

const getPod = (name: string) => cluster.get<Pod>(`pod/${name}`)
const ready = (name: string) => cluster.kubectl(`wait --for=condition=Ready pod/${name} --timeout=40s`)
const phase = (name: string, wanted: string, timeoutMs?: number) =>
  until(`${name} is ${wanted}`, async () => (await getPod(name)).status?.phase === wanted, timeoutMs)
/** The STATUS column of kubectl get. */
const statusOf = async (name: string) => (await cluster.kubectl(`get pod ${name} --no-headers`)).split(/ {2,}/)[2]
const events = (name: string) => cluster.kubectl(`events --for pod/${name}`)
const hasEvent = (name: string, pattern: RegExp) =>
  until(`${name} has the event ${pattern}`, async () => pattern.test(await events(name)))

describe('pods', { concurrency: 3 }, () => {
  test('init containers run one after the other, then the containers share network, IPC and volumes', async () => {
    await cluster.apply(
      pod(
        'shared',
        `
  initContainers:
  - { name: first, ${IMAGE}, command: [sh, -c, "sleep 1; echo first >>/work/order"], volumeMounts: [{ name: work, mountPath: /work }] }
  - { name: second, ${IMAGE}, command: [sh, -c, "echo second >>/work/order"], volumeMounts: [{ name: work, mountPath: /work }] }
  containers:
  - { name: web, ${IMAGE}, command: [httpd, -f, -p, "8080", -h, /work], volumeMounts: [{ name: work, mountPath: /work }] }
  - { name: other, ${IMAGE}, ${SLEEP}, volumeMounts: [{ name: work, mountPath: /elsewhere }] }
  volumes: [{ name: work, emptyDir: {} }]
`,
      ),
    )
    await until('the first init container shows', async () =>
      /^Init:0\/2$|^Init:1\/2$/.test((await statusOf('shared'))!),
    )
    await ready('shared')
    assert.equal(await cluster.sh('shared/other', 'curl -sS -m 5 http://127.0.0.1:8080/order'), 'first\nsecond\n')
    await cluster.sh('shared/other', 'echo here >/elsewhere/note; echo memory >/dev/shm/note')
    assert.equal(await cluster.sh('shared/web', 'cat /work/note /dev/shm/note; hostname'), 'here\nmemory\nshared\n')
    const namespaces = 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc'
    assert.equal(await cluster.sh('shared/web', namespaces), await cluster.sh('shared/other', namespaces))
    const { status } = await getPod('shared')
    assert.deepEqual(
      status?.initContainerStatuses?.map((s) => [s.name, s.state?.terminated?.reason, s.ready]),
      [
        ['first', 'Completed', true],
        ['second', 'Completed', true],
      ],
    )
    assert.equal(await cluster.sh('shared/web', "grep -c '\\sshared$' /etc/hosts"), '1\n')
    const { stdout } = await host.run(['docker', 'ps', '--format', '{{.Names}}', '--filter', 'name=_shared_default_'])
    const uid = (await getPod('shared')).metadata.uid
    assert.deepEqual(stdout.trim().split('\n').sort(), [
      `k8s_POD_shared_default_${uid}_0`,
      `k8s_other_shared_default_${uid}_0`,
      `k8s_web_shared_default_${uid}_0`,
    ])
  })

  test('an init container that fails is tried again and holds the pod back', async () => {
    await cluster.apply(
      pod(
        'held',
        `
  initContainers: [{ name: bad, ${IMAGE}, command: [sh, -c, "exit 4"] }]
  containers: [{ name: main, ${IMAGE}, ${SLEEP} }]
`,
      ),
    )
    await until('Init:CrashLoopBackOff', async () => (await statusOf('held')) === 'Init:CrashLoopBackOff')
    const { status } = await getPod('held')
    assert.equal(status?.phase, 'Pending')
    assert.equal(status?.initContainerStatuses?.[0]?.lastState?.terminated?.exitCode, 4)
    assert.equal(status?.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing')
    await cluster.kubectl('delete pod held --now')
  })

  test('a sidecar starts before the containers and does not keep a pod from completing', async () => {
    await cluster.apply(
      pod(
        'sided',
        `
  restartPolicy: Never
  initContainers:
  - name: side
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    restartPolicy: Always
    command: [httpd, -f, -p, "8080", -h, /etc]
    startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
  containers: [{ name: main, ${IMAGE}, command: [curl, -sS, -m, "5", "http://127.0.0.1:8080/group"] }]
`,
      ),
    )
    await phase('sided', 'Succeeded')
    assert.match(await cluster.kubectl('logs sided -c main'), /^root:/)
  })

  test('a container that keeps ending is restarted ever more slowly: CrashLoopBackOff', async () => {
    await cluster.apply(
      pod(
        'crash',
        `
  containers: [{ name: main, ${IMAGE}, command: [sh, -c, "echo run of $(cat /proc/sys/kernel/random/uuid); exit 3"] }]
`,
      ),
    )
    await until('CrashLoopBackOff', async () => (await statusOf('crash')) === 'CrashLoopBackOff')
    const { status } = await getPod('crash')
    const [main] = status?.containerStatuses ?? []
    assert.equal(main?.restartCount, 1)
    assert.equal(main?.lastState?.terminated?.exitCode, 3)
    assert.equal(main?.lastState?.terminated?.reason, 'Error')
    assert.match(
      main?.state?.waiting?.message ?? '',
      /^back-off 10s restarting failed container=main pod=crash_default\(.*\)$/,
    )
    assert.equal(status?.phase, 'Running')
    assert.equal(status?.conditions?.find((c) => c.type === 'Ready')?.reason, 'ContainersNotReady')
    const newest = await cluster.kubectl('logs crash')
    const previous = await cluster.kubectl('logs crash --previous')
    assert.match(previous, /^run of /)
    assert.match(newest, /^run of /)
    await hasEvent(
      'crash',
      /Warning +BackOff +Pod\/crash +Back-off restarting failed container main in pod crash_default\(/,
    )
    await until(
      'a second restart',
      async () => (await getPod('crash')).status?.containerStatuses?.[0]?.restartCount === 2,
    )
    await cluster.kubectl('delete pod crash --now')
  })

  test('restart policies Never and OnFailure end pods', async () => {
    await cluster.apply(
      [
        pod(
          'never-fails',
          `  restartPolicy: Never\n  containers: [{ name: main, ${IMAGE}, command: [sh, -c, "exit 9"] }]`,
        ),
        pod('never-ends', `  restartPolicy: Never\n  containers: [{ name: main, ${IMAGE}, command: ["true"] }]`),
        pod(
          'second-time',
          `
  restartPolicy: OnFailure
  containers:
  - { name: main, ${IMAGE}, command: [sh, -c, "[ -e /work/seen ] || { touch /work/seen; exit 1; }"], volumeMounts: [{ name: work, mountPath: /work }] }
  volumes: [{ name: work, emptyDir: {} }]
`,
        ),
      ].join('---\n'),
    )
    await phase('never-fails', 'Failed')
    assert.equal(await statusOf('never-fails'), 'Error')
    await phase('never-ends', 'Succeeded')
    assert.equal(await statusOf('never-ends'), 'Completed')
    assert.equal(
      (await getPod('never-ends')).status?.conditions?.find((c) => c.type === 'Ready')?.reason,
      'PodCompleted',
    )
    await phase('second-time', 'Succeeded')
    const [main] = (await getPod('second-time')).status?.containerStatuses ?? []
    assert.equal(main?.restartCount, 1)
    assert.equal(main?.state?.terminated?.exitCode, 0)
  })

  test('a termination message is taken from its file, or from the log', async () => {
    await cluster.apply(
      pod(
        'words',
        `
  restartPolicy: Never
  containers:
  - { name: file, ${IMAGE}, command: [sh, -c, "printf 'from the file' >/dev/termination-log"] }
  - { name: log, ${IMAGE}, command: [sh, -c, "echo from the log; exit 1"], terminationMessagePolicy: FallbackToLogsOnError }
`,
      ),
    )
    await phase('words', 'Failed')
    const messages = (await getPod('words')).status?.containerStatuses?.map((s) => s.state?.terminated?.message)
    assert.deepEqual(messages, ['from the file', 'from the log\n'])
  })

  test('readiness decides who is behind a Service; liveness restarts; startup holds both back', async () => {
    await cluster.apply(`${pod(
      'probed',
      `
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "mkdir /www; echo ok >/www/healthz; sleep 2; exec httpd -f -p 8080 -h /www"]
    ports: [{ name: web, containerPort: 8080 }]
    startupProbe: { tcpSocket: { port: web }, periodSeconds: 1, failureThreshold: 30 }
    readinessProbe: { exec: { command: [test, -e, /www/ready] }, periodSeconds: 1, failureThreshold: 1 }
    livenessProbe: { httpGet: { path: /healthz, port: web }, periodSeconds: 1, failureThreshold: 2 }
`,
    )}---
apiVersion: v1
kind: Service
metadata: { name: probed }
spec: { selector: { run: probed }, ports: [{ port: 80, targetPort: web }] }
`)
    const status = async () => (await getPod('probed')).status?.containerStatuses?.[0]
    const isEndpointReady = async () => {
      const { items } = await cluster.get<{ items: EndpointSlice[] }>(
        'endpointslices -l kubernetes.io/service-name=probed',
      )
      return items.flatMap((slice) => slice.endpoints ?? [])[0]?.conditions?.ready
    }
    await until('it has started', async () => (await status())?.started === true)
    assert.equal((await status())?.ready, false)
    assert.equal((await status())?.restartCount, 0)
    await until('its endpoint is there, not ready', async () => (await isEndpointReady()) === false)
    await cluster.sh('probed', 'touch /www/ready')
    await ready('probed')
    await until('its endpoint is ready', isEndpointReady)
    const address = (await cluster.kubectl('get service probed -o jsonpath={.spec.clusterIP}')).trim()
    await until(
      'the Service answers',
      async () => (await host.run(['curl', '-sS', '-m', '2', `http://${address}/healthz`])).stdout === 'ok\n',
    )
    await cluster.sh('probed', 'rm /www/ready')
    await until('its endpoint is not ready', async () => (await isEndpointReady()) === false)
    assert.equal(
      (await host.run(['curl', '-sS', '-m', '2', `http://${address}/`])).code,
      7,
      'the connection is refused',
    )
    await hasEvent('probed', /Warning +Unhealthy .*Readiness probe failed:/)
    await cluster.sh('probed', 'rm /www/healthz')
    await until('it is restarted', async () => (await status())?.restartCount === 1)
    await hasEvent('probed', /Warning +Unhealthy .*Liveness probe failed: HTTP probe failed with statuscode: 404/)
    await hasEvent('probed', /Normal +Killing .*Container main failed liveness probe, will be restarted/)
    await cluster.kubectl('delete pod/probed service/probed --now')
  })

  test('the environment comes from values, ConfigMaps, Secrets, fields, resources and Services', async () => {
    await cluster.apply(`apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { COLOUR: blue, SIZE: large }
---
apiVersion: v1
kind: Secret
metadata: { name: keys }
stringData: { password: s3cret }
---
${pod(
  'surrounded',
  `
  restartPolicy: Never
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "env | sort; echo 'args: $(GREETING)'"]
    resources: { requests: { cpu: 20m, memory: 8Mi }, limits: { cpu: 1500m, memory: 32Mi } }
    envFrom: [{ configMapRef: { name: settings }, prefix: CM_ }, { secretRef: { name: absent, optional: true } }]
    env:
    - { name: NAME, value: world }
    - { name: GREETING, value: "hello $(NAME) $$(NAME)" }
    - { name: COLOUR, valueFrom: { configMapKeyRef: { name: settings, key: COLOUR } } }
    - { name: PASSWORD, valueFrom: { secretKeyRef: { name: keys, key: password } } }
    - { name: POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
    - { name: LABEL, valueFrom: { fieldRef: { fieldPath: "metadata.labels['run']" } } }
    - { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
    - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
    - { name: HOST_IP, valueFrom: { fieldRef: { fieldPath: status.hostIP } } }
    - { name: CPUS, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }
    - { name: MEMORY, valueFrom: { resourceFieldRef: { resource: limits.memory, divisor: 1Mi } } }
`,
)}`)
    await phase('surrounded', 'Succeeded')
    const log = await cluster.kubectl('logs surrounded')
    const { status } = await getPod('surrounded')
    for (const line of [
      'CM_COLOUR=blue',
      'CM_SIZE=large',
      'GREETING=hello world $(NAME)',
      'args: hello world $(NAME)',
      'COLOUR=blue',
      'PASSWORD=s3cret',
      'POD=surrounded',
      'LABEL=surrounded',
      'NODE=node1',
      `HOST_IP=${status?.hostIP}`,
      'CPUS=2',
      'MEMORY=32',
      'KUBERNETES_SERVICE_HOST=10.96.0.1',
      'KUBERNETES_SERVICE_PORT=443',
      'HOSTNAME=surrounded',
    ])
      assert.ok(log.split('\n').includes(line), `${line} in\n${log}`)
    assert.match(log, /^POD_IP=10\.244\.\d+\.\d+$/m)
  })

  test('what the environment refers to and is not there holds the container back until it is', async () => {
    await cluster.apply(
      pod('early', `  containers: [{ name: main, ${IMAGE}, ${SLEEP}, envFrom: [{ configMapRef: { name: later } }] }]`),
    )
    await until('CreateContainerConfigError', async () => (await statusOf('early')) === 'CreateContainerConfigError')
    await hasEvent('early', /Warning +Failed +Pod\/early +Error: configmap "later" not found/)
    await cluster.kubectl('create configmap later --from-literal=a=1')
    await ready('early')
  })

  test('volumes: emptyDir, Memory, hostPath, ConfigMap, Secret, downward API and subPath', async () => {
    const shared = join(host.dir, 'shared')
    mkdirSync(shared)
    writeFileSync(join(shared, 'from-host'), 'host\n')
    await cluster.apply(`apiVersion: v1
kind: ConfigMap
metadata: { name: files }
data: { one.txt: "1", two.txt: "2" }
---
apiVersion: v1
kind: Secret
metadata: { name: hidden }
stringData: { key: value }
---
${pod(
  'volumes',
  `
  securityContext: { fsGroup: 2000 }
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    ${SLEEP}
    volumeMounts:
    - { name: empty, mountPath: /empty }
    - { name: memory, mountPath: /memory }
    - { name: host, mountPath: /host }
    - { name: host, mountPath: /host-read-only, readOnly: true }
    - { name: files, mountPath: /files }
    - { name: some, mountPath: /some }
    - { name: files, mountPath: /etc/one.conf, subPath: one.txt }
    - { name: empty, mountPath: /sub, subPath: deep/er }
    - { name: hidden, mountPath: /hidden }
    - { name: about, mountPath: /about }
  volumes:
  - { name: empty, emptyDir: {} }
  - { name: memory, emptyDir: { medium: Memory, sizeLimit: 4Mi } }
  - { name: host, hostPath: { path: ${shared}, type: Directory } }
  - { name: files, configMap: { name: files } }
  - { name: some, configMap: { name: files, defaultMode: 0440, items: [{ key: two.txt, path: a/b.txt }] } }
  - { name: hidden, secret: { secretName: hidden } }
  - { name: about, downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }
`,
)}`)
    await ready('volumes')
    const sh = (script: string) => cluster.sh('volumes', script)
    assert.equal(
      await sh('cat /host/from-host /files/one.txt /etc/one.conf /some/a/b.txt /hidden/key'),
      'host\n112value',
    )
    assert.equal(await sh('ls /some'), 'a\n')
    assert.equal(await sh('stat -L -c %a /some/a/b.txt'), '440\n')
    assert.equal(await sh('stat -c %g /empty'), '2000\n')
    assert.match(await sh('cat /about/labels'), /^run="volumes"$/m)
    assert.match(await sh('grep " /memory " /proc/mounts'), /^tmpfs .*size=4096k/)
    assert.match(await sh('grep " /hidden " /proc/mounts'), /^tmpfs .* ro,/)
    await sh('echo back >/host/from-pod; echo deep >/sub/file; ! touch /host-read-only/x 2>/dev/null')
    assert.equal(readFileSync(join(shared, 'from-pod'), 'utf8'), 'back\n')
    assert.equal(await sh('cat /empty/deep/er/file'), 'deep\n')

    await cluster
      .kubectl('create configmap files --from-literal=one.txt=changed --dry-run=client -o yaml')
      .then((yaml) => cluster.apply(yaml))
    await until('the files follow', async () => (await sh('cat /files/one.txt; ls /files')) === 'changedone.txt\n')
    assert.equal(await sh('cat /etc/one.conf'), '1', 'a subPath mount does not follow')
    await cluster.kubectl('label pod volumes colour=red')
    await until('the labels follow', async () => /colour="red"/.test(await sh('cat /about/labels')))
    const { metadata } = await getPod('volumes')
    await cluster.kubectl('delete pod volumes --now')
    assert.ok(existsSync(join(shared, 'from-pod')))
    await until(
      'nothing of the pod is mounted any more',
      async () => !readFileSync('/proc/mounts', 'utf8').includes(metadata.uid!),
    )
  })

  test('a hostPath of the wrong type and a missing ConfigMap hold the pod back and say why', async () => {
    await cluster.apply(
      `${pod(
        'nowhere',
        `  containers: [{ name: main, ${IMAGE}, ${SLEEP}, volumeMounts: [{ name: v, mountPath: /v }] }]
  volumes: [{ name: v, hostPath: { path: /nonexistent, type: Directory } }]`,
      )}---
${pod(
  'unmapped',
  `  containers: [{ name: main, ${IMAGE}, ${SLEEP}, volumeMounts: [{ name: v, mountPath: /v }] }]
  volumes: [{ name: v, configMap: { name: unmapped } }]`,
)}`,
    )
    await hasEvent(
      'nowhere',
      /Warning +FailedMount .*MountVolume\.SetUp failed for volume "v" : hostPath type check failed: \/nonexistent is not a directory/,
    )
    await hasEvent(
      'unmapped',
      /Warning +FailedMount .*MountVolume\.SetUp failed for volume "v" : configmap "unmapped" not found/,
    )
    await until('it is shown to wait', async () => (await statusOf('unmapped')) === 'ContainerCreating')
    await cluster.kubectl('create configmap unmapped --from-literal=a=1')
    await ready('unmapped')
    await cluster.kubectl('delete pod nowhere unmapped --now')
  })

  test('the projected token is the service account at the API', async () => {
    await cluster.apply(
      `apiVersion: v1
kind: ServiceAccount
metadata: { name: reader }
---
${pod('caller', `  serviceAccountName: reader\n  containers: [{ name: main, ${IMAGE}, ${SLEEP} }]`)}---
${pod('tokenless', `  automountServiceAccountToken: false\n  containers: [{ name: main, ${IMAGE}, ${SLEEP} }]`)}`,
    )
    await ready('caller')
    const dir = '/var/run/secrets/kubernetes.io/serviceaccount'
    const call = (path: string) =>
      cluster.sh(
        'caller',
        `curl -sS -m 5 --cacert ${dir}/ca.crt -H "Authorization: Bearer $(cat ${dir}/token)" https://kubernetes.default${path}`,
      )
    assert.equal(await cluster.sh('caller', `cat ${dir}/namespace`), 'default')
    assert.match(await call('/api'), /"kind": ?"APIVersions"/)
    assert.match(
      await call('/api/v1/namespaces/default/pods'),
      /pods is forbidden: User \\"system:serviceaccount:default:reader\\" cannot list resource \\"pods\\" in API group \\"\\" in the namespace \\"default\\"/,
    )
    await cluster.kubectl('create rolebinding reader --clusterrole=view --serviceaccount=default:reader')
    await until('the role is in force', async () =>
      /"kind": ?"PodList"/.test(await call('/api/v1/namespaces/default/pods')),
    )
    await ready('tokenless')
    await cluster.sh('tokenless', `! test -e ${dir}`)
  })

  test('requests and limits become the settings of the cgroup; too much memory is OOMKilled', async () => {
    await cluster.apply(
      `${pod('limited', `  containers: [{ name: main, ${IMAGE}, ${SLEEP}, resources: { requests: { cpu: 250m, memory: 16Mi }, limits: { cpu: 500m, memory: 64Mi } } }]`)}---
${pod('greedy', `  restartPolicy: Never\n  containers: [{ name: main, ${IMAGE}, command: [sh, -c, "tail /dev/zero"], resources: { limits: { memory: 16Mi } } }]`)}`,
    )
    await ready('limited')
    if ((await cluster.sh('limited', 'ls /sys/fs/cgroup')).includes('cgroup.controllers')) {
      assert.equal(
        await cluster.sh('limited', 'cd /sys/fs/cgroup; cat memory.max cpu.max cpu.weight'),
        '67108864\n50000 100000\n10\n',
      )
    } else {
      assert.equal(
        await cluster.sh(
          'limited',
          'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares',
        ),
        '67108864\n50000\n256\n',
      )
    }
    assert.equal((await getPod('limited')).status?.qosClass, 'Burstable')
    await phase('greedy', 'Failed')
    await until('the reason is known', async () => (await statusOf('greedy')) === 'OOMKilled')
    assert.equal((await getPod('greedy')).status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 137)
  })

  test('postStart runs at the start; preStop, SIGTERM and the grace period at the end', async () => {
    const notes = join(host.dir, 'notes')
    mkdirSync(notes)
    const volume = `volumeMounts: [{ name: notes, mountPath: /notes }]`
    await cluster.apply(
      `${pod(
        'polite',
        `
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "trap 'echo term >>/notes/polite; exit 0' TERM; sleep 3600 & wait"]
    ${volume}
    lifecycle:
      postStart: { exec: { command: [sh, -c, "echo started >>/notes/polite"] } }
      preStop: { exec: { command: [sh, -c, "echo stopping >>/notes/polite"] } }
  volumes: [{ name: notes, hostPath: { path: ${notes} } }]
`,
      ).replace('GracePeriodSeconds: 1', 'GracePeriodSeconds: 10')}---
${pod('stubborn', `  containers: [{ name: main, ${IMAGE}, command: [sh, -c, "trap '' TERM; while true; do sleep 1; done"] }]`).replace('GracePeriodSeconds: 1', 'GracePeriodSeconds: 3')}---
${pod('bad-start', `  containers: [{ name: main, ${IMAGE}, ${SLEEP}, lifecycle: { postStart: { exec: { command: [sh, -c, "exit 5"] } } } }]`)}`,
    )
    await ready('polite')
    assert.equal(readFileSync(join(notes, 'polite'), 'utf8'), 'started\n')
    let began = performance.now()
    await cluster.kubectl('delete pod polite')
    assert.ok(performance.now() - began < 3000, `a process that heeds SIGTERM took ${performance.now() - began} ms`)
    assert.equal(readFileSync(join(notes, 'polite'), 'utf8'), 'started\nstopping\nterm\n')
    await ready('stubborn')
    began = performance.now()
    await cluster.kubectl('delete pod stubborn --wait=false')
    assert.equal(await statusOf('stubborn'), 'Terminating')
    await cluster.kubectl('wait --for=delete pod/stubborn --timeout=20s')
    const took = performance.now() - began
    assert.ok(took > 2500 && took < 7000, `a process that ignores SIGTERM took ${took} ms`)
    await hasEvent('bad-start', /Warning +FailedPostStartHook .*PostStartHook failed/)
    await cluster.kubectl('delete pod bad-start --now')
  })

  test('the security context decides about user, groups, file system, capabilities and privileges', async () => {
    await cluster.apply(
      `${pod(
        'careful',
        `
  securityContext: { runAsUser: 1000, runAsGroup: 3000, supplementalGroups: [4000], sysctls: [{ name: net.ipv4.ip_unprivileged_port_start, value: "80" }] }
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    ${SLEEP}
    securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
  - name: able
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    ${SLEEP}
    securityContext: { runAsUser: 0, capabilities: { drop: [ALL], add: [NET_BIND_SERVICE] } }
`,
      )}---
${pod('rootless', `  securityContext: { runAsNonRoot: true }\n  containers: [{ name: main, ${IMAGE}, ${SLEEP} }]`)}`,
    )
    await ready('careful')
    assert.equal(await cluster.sh('careful/main', 'id -u; id -g; id -G'), '1000\n3000\n3000 4000\n')
    await cluster.sh('careful/main', '! touch /tmp/x 2>/dev/null')
    await cluster.sh('careful/main', 'test -s /var/run/secrets/kubernetes.io/serviceaccount/token')
    const status = await cluster.sh('careful/main', 'cat /proc/self/status')
    assert.match(status, /CapBnd:\t0000000000000000/)
    assert.match(status, /NoNewPrivs:\t1/)
    assert.match(await cluster.sh('careful/able', 'cat /proc/self/status'), /CapEff:\t0000000000000400/)
    assert.equal(await cluster.sh('careful/able', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start'), '80\n')
    await until('it is refused', async () => (await statusOf('rootless')) === 'CreateContainerConfigError')
    assert.match(
      (await getPod('rootless')).status?.containerStatuses?.[0]?.state?.waiting?.message ?? '',
      /container has runAsNonRoot and image will run as root/,
    )
  })

  test('hostNetwork and hostPort reach the node; two pods cannot have the same port', async () => {
    await cluster.apply(
      `${pod('on-host', `  hostNetwork: true\n  containers: [{ name: main, ${IMAGE}, command: [httpd, -f, -p, "18081", -h, /etc], ports: [{ containerPort: 18081 }] }]`)}---
${pod('ported', `  containers: [{ name: main, ${IMAGE}, command: [httpd, -f, -p, "8080", -h, /etc], ports: [{ containerPort: 8080, hostPort: 18082 }] }]`)}`,
    )
    await ready('on-host')
    await ready('ported')
    const { status } = await getPod('on-host')
    assert.equal(status?.podIP, status?.hostIP)
    for (const url of [
      'http://127.0.0.1:18081/group',
      `http://${host.address}:18082/group`,
      'http://127.0.0.1:18082/group',
    ])
      assert.match((await host.run(['curl', '-sS', '-m', '5', url])).stdout, /^root:/, url)
    await cluster.kubectl('label pod ported app=ported')
    await cluster.kubectl('expose pod ported --name=front --port=80 --target-port=8080')
    const itself = async () => /^root:/.test(await cluster.sh('ported', 'curl -s -m 2 http://front/group'))
    await until('a pod with a host port reaches itself through its Service', itself)
    await cluster.apply(
      pod(
        'also',
        `  containers: [{ name: main, ${IMAGE}, ${SLEEP}, ports: [{ containerPort: 8080, hostPort: 18082 }] }]`,
      ),
    )
    await hasEvent(
      'also',
      /FailedScheduling .*0\/1 nodes are available: 1 node\(s\) didn't have free ports for the requested pod ports/,
    )
    await cluster.kubectl('delete pod ported --now')
    await ready('also')
    await cluster.kubectl('delete pod on-host also --now')
  })
})
