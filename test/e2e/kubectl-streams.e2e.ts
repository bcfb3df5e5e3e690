// What kubectl streams to and from pods: logs, exec, attach, cp, port-forward, proxy and debug, with each kubectl program.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from './cluster.ts'
import { MANIFEST, RUN, withEachKubectl } from './kubectl-session.ts'

const TALKER = `run talker ${RUN} --command -- sh -c 'trap "exit 0" TERM; i=0; while true; do echo line $i; i=$((i+1)); sleep 0.2; done'`

withEachKubectl('streams', (session) => {
  const { k } = session
  const curl = async (url: string) => (await session.host.run(['curl', '-sS', '-m', '5', url])).stdout

  test('run starts a pod; wait sees its condition, its phase and its creation', async () => {
    assert.equal(await k(TALKER), 'pod/talker created\n')
    await k('apply -f -', MANIFEST)
    assert.equal(await k('wait --for=condition=Ready pod/talker --timeout=30s'), 'pod/talker condition met\n')
    await k('wait --for=jsonpath={.status.phase}=Running pod/talker --timeout=10s')
    await k('wait --for=condition=Available deployment/web --timeout=30s')
    await session.refused('wait --for=condition=Ready pod/nosuch --timeout=1s', /pods "nosuch" not found/)
  })

  test('logs: followed, the last, since, with times, from a selector, and its errors', async () => {
    const following = session.background('logs -f talker')
    await following.prints(/line 0\nline 1\nline 2/)
    const before = following.output().length
    await following.prints(new RegExp(`^[^]{${before + 10}}`))
    following.end()
    assert.match(await k('logs talker --tail=1 --timestamps'), /^\d{4}-\d\d-\d\dT\S+Z line \d+\n$/)
    assert.match(await k('logs talker --limit-bytes=14'), /^line 0\nline 1\n$/)
    assert.match(await k('logs -l run=talker --tail=1 --prefix'), /^\[pod\/talker\/talker\] line \d+\n$/)
    assert.match(await k('logs talker --since=1s'), /^(line \d+\n){1,6}$/)
    await session.refused('logs talker -p', /previous terminated container "talker" in pod "talker" not found/)
    await session.refused('logs nosuch', /pods "nosuch" not found/)
    await session.refused('logs talker -c nosuch', /container nosuch is not valid for pod talker/)
  })

  test('exec: output, exit code, stdin, a terminal, and its errors', async () => {
    assert.equal(await k("exec talker -- sh -c 'echo $((6*7))'"), '42\n')
    const failing = await session.try("exec talker -- sh -c 'echo no >&2; exit 7'")
    assert.deepEqual([failing.code, failing.stdout], [7, ''])
    assert.match(failing.stderr, /^no\ncommand terminated with exit code 7\n$/)
    assert.equal(await k('exec -i talker -- cat', 'through stdin\n'), 'through stdin\n')
    const megabytes = randomBytes(3_000_000).toString('base64')
    const sum = createHash('sha256').update(megabytes).digest('hex')
    assert.equal(await k('exec -i talker -- sha256sum', megabytes), `${sum}  -\n`)
    assert.equal((await k('exec talker -- head -c 3000000 /dev/zero')).length, 3_000_000)
    assert.equal(await k('exec deployment/web -- cat /usr/share/nginx/html/index.html'), 'hello from a pod\n')
    const terminal = await session.onTerminal("exec -it talker -- sh -c 'tty; exit 3'")
    assert.match(terminal.stdout, /\/dev\/pts\/0/)
    assert.equal(terminal.code, 3)
    await session.refused('exec talker -- nosuch', /nosuch.*executable file not found/)
    await session.refused('exec nosuch -- true', /pods "nosuch" not found/)
    await session.refused('exec talker -c nosuch -- true', /container nosuch is not valid for pod talker/)
  })

  test('attach shows what the container prints; run -i --rm talks to it and takes its exit code', async () => {
    const attached = session.background('attach talker')
    await attached.prints(/line \d+\nline \d+\n/)
    attached.end()
    const asked = await session.try(`run asked -i --rm ${RUN} -- sh -c 'read x; echo got $x; exit 3'`, 'an answer\n')
    assert.match(asked.stdout, /got an answer/)
    assert.equal(asked.code, 3)
    assert.equal((await session.try('get pod asked')).code, 1)
  })

  test('cp carries files both ways unchanged', async () => {
    const here = join(session.host.dir, 'random')
    const bytes = randomBytes(1_500_000)
    writeFileSync(here, bytes)
    await k(`cp ${here} talker:/tmp/there`)
    await k(`cp talker:/tmp/there ${here}.back`)
    assert.ok(bytes.equals(readFileSync(`${here}.back`)))
  })

  test('port-forward reaches pods, by Deployment and by Service, and says what is refused', async () => {
    const byDeployment = session.background('port-forward deployment/web 18080:80')
    await byDeployment.prints(/Forwarding from 127\.0\.0\.1:18080 -> 80/)
    for (let i = 0; i < 3; i++) assert.equal(await curl('http://127.0.0.1:18080/'), 'hello from a pod\n')
    byDeployment.end()
    const byService = session.background('port-forward service/web 18081:80')
    await byService.prints(/Forwarding from 127\.0\.0\.1:18081 -> 80/)
    assert.equal(await curl('http://127.0.0.1:18081/'), 'hello from a pod\n')
    byService.end()
    const closed = session.background('port-forward pod/talker 18082:99')
    await closed.prints(/Forwarding from/)
    await curl('http://127.0.0.1:18082/')
    await closed.prints(/failed to connect to localhost:99/)
    closed.end()
  })

  test('proxy serves the API without credentials, and Services and nodes through it', async () => {
    const proxying = session.background('proxy --port=18090')
    await proxying.prints(/Starting to serve on 127\.0\.0\.1:18090/)
    assert.match(await curl('http://127.0.0.1:18090/version'), /"gitVersion": ?"v1\.36/)
    const service = `/api/v1/namespaces/${session.ns}/services/web/proxy/`
    assert.equal(await curl(`http://127.0.0.1:18090${service}`), 'hello from a pod\n')
    proxying.end()
    assert.equal(await k(`get --raw ${service}`), 'hello from a pod\n')
    assert.equal(await k('get --raw /api/v1/nodes/node1/proxy/healthz'), 'ok')
  })

  test('debug adds a container that sees its target, and copies a pod', async () => {
    const debug = '--image=busybox:latest --image-pull-policy=IfNotPresent --profile=general'
    await k(`debug talker ${debug} --target=talker --container=look -- sh -c 'ps; sleep 60'`)
    await until("it has seen its target's first process", async () =>
      /^ +1 root .*trap "exit 0" TERM/m.test((await session.try('logs talker -c look')).stdout),
    )
    assert.equal(await k('exec talker -c look -- echo here'), 'here\n')
    assert.equal(await k('get pod talker -o jsonpath={.metadata.generation}'), '2')
    await k(`debug talker ${debug} --copy-to=copy --container=talker -- sleep 60`)
    await k('wait --for=condition=Ready pod/copy --timeout=30s')
    assert.equal(await k('get pod copy -o jsonpath={.spec.containers[*].command}'), '["sleep","60"]')
  })

  test('delete waits until a pod is gone, and wait --for=delete with it', async () => {
    const waiting = session.background('wait --for=delete pod/talker --timeout=30s')
    assert.match(await k('delete pod talker copy --grace-period=1'), /pod "talker" deleted/)
    await waiting.prints(/pod\/talker condition met/)
    assert.equal((await session.try('get pod talker')).code, 1)
    assert.match((await session.try('delete pod -l app=web --force')).stdout, /pod "web-\S+" force deleted/)
  })
})
