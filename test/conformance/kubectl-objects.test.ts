// What kubectl does with objects, custom ones above all, against the real server over TLS, with each kubectl program of this machine:
// applying in both ways, patches, subresources, validation, watches; and how refusals of the server read.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { kubectls } from './kubectl.ts'
import { conformanceServer } from './server.ts'

const api = await conformanceServer()
const { programs, close } = await kubectls(api)
const directory = await mkdtemp(join(tmpdir(), 'skiff-kubectl-objects-'))
after(async () => {
  await api.close()
  await close()
  await rm(directory, { recursive: true })
})

const definition = (group: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    schema:
      openAPIV3Schema:
        description: Something small.
        type: object
        properties:
          spec:
            type: object
            properties:
              replicas: {type: integer, maximum: 10}
              size: {type: string, description: How large it is.}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, count: {type: integer}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

for (const [index, kubectl] of programs.entries()) {
  const skip = kubectl.found ? false : 'kubectl is not installed'
  describe(`kubectl at ${kubectl.program}`, { skip, concurrency: 1 }, () => {
    const ns = `objects-${index}`
    const group = `g${index}.example.com`
    const run = (args: string, input?: string, env?: Record<string, string>) =>
      kubectl.run(`-n ${ns} ${args}`, input, env)
    const k = async (args: string, input?: string) => {
      const { code, out, err } = await run(args, input)
      assert.equal(code, 0, `kubectl ${args}: ${err}`)
      return out
    }
    const refused = async (args: string, pattern: RegExp, input?: string) => {
      const { code, err } = await run(args, input)
      assert.notEqual(code, 0, `kubectl ${args} was not refused`)
      assert.match(err, pattern)
    }
    const widget = (spec: string, name = 'a') =>
      `apiVersion: ${group}/v1\nkind: Widget\nmetadata: {name: ${name}}\nspec: ${spec}\n`
    const value = (path: string, more = '') => k(`get widget a ${more} -o jsonpath={${path}}`)
    const edit = async (script: string, args: string) => {
      const editor = join(directory, `editor-${index}.sh`)
      await writeFile(editor, `#!/bin/sh\nsed -i '${script}' "$1"\n`, { mode: 0o755 })
      return run(`edit ${args}`, undefined, { KUBE_EDITOR: editor, TMPDIR: directory })
    }

    before(async () => {
      await api.post('/api/v1/namespaces', { metadata: { name: ns } })
      await api.post(`/api/v1/namespaces/${ns}/serviceaccounts`, { metadata: { name: 'default' } })
      await k('apply -f -', definition(group))
      await k(`wait --for=condition=Established crd/widgets.${group} --timeout=10s`)
    })

    test('apply moves from the client to the server, keeps list items apart and tells of conflicts', async () => {
      assert.match(await k('apply -f -', widget('{replicas: 1, size: s, parts: [{name: p, count: 1}]}')), /created/)
      const wanted = widget('{replicas: 2, size: s, parts: [{name: p, count: 1}, {name: q}]}')
      const diff = await run('diff -f -', wanted)
      assert.equal(diff.code, 1, diff.err)
      assert.match(diff.out, /- {2}replicas: 1\n\+ {2}- name: q\n\+ {2}replicas: 2/)
      assert.match(await k('apply --server-side -f -', wanted), /serverside-applied/)
      const managers = '{range .metadata.managedFields[*]}{.manager}/{.operation} {end}'
      assert.equal(
        await k(`get widget a --show-managed-fields -o 'jsonpath=${managers}'`),
        'kubectl/Apply kubectl-last-applied/Apply ',
      )
      await k(`apply --server-side --field-manager=other -f -`, widget('{parts: [{name: r, count: 3}]}'))
      assert.equal(await value('.spec.parts[*].name'), 'p q r')
      await k(`patch widget a --type=merge -p '{"spec":{"size":"m"}}' --field-manager=third`)
      const conflict = new RegExp(`1 conflict: conflict with "third" using ${group}/v1: \\.spec\\.size`)
      await refused('apply --server-side -f -', conflict, wanted)
      assert.match((await run('diff --server-side -f -', wanted)).err, conflict)
      await k('apply --server-side --force-conflicts --dry-run=server -f -', wanted)
      assert.equal(await value('.spec.size'), 'm')
      await k('apply --server-side --force-conflicts -f -', wanted)
      assert.equal(await value('.spec.size'), 's')
      assert.equal(await k('diff --server-side -f -', wanted), '')
      await k('apply --server-side -f -', widget('{replicas: 2}'))
      assert.equal(await value('.spec.parts[*].name'), 'r')
    })

    test('patches in the types that a custom kind takes', async () => {
      await refused(
        `patch widget a -p '{"spec":{"size":"x"}}'`,
        /strategic-merge-patch\+json is not supported by|unknown format/,
      )
      await k(`patch widget a --type=json -p '[{"op":"add","path":"/spec/size","value":"l"}]'`)
      assert.equal(await value('.spec.size'), 'l')
      const failing = `[{"op":"test","path":"/spec/size","value":"other"}]`
      await refused(`patch widget a --type=json -p '${failing}'`, /the request is invalid/i)
    })

    test('status and scale are subresources that kubectl reads, writes, edits and waits for', async () => {
      await k(`patch widget a --subresource=status --type=merge -p '{"status":{"phase":"Done","replicas":2}}'`)
      assert.equal(await value('.status.phase', '--subresource=status'), 'Done')
      assert.equal(await value('.kind}{.spec.replicas}{.status.replicas', '--subresource=scale'), 'Scale22')
      await k('wait --for=jsonpath={.status.phase}=Done widget/a --timeout=5s')
      await refused('wait --for=condition=Ready widget/a --timeout=1s', /timed out waiting for the condition/)
      assert.equal((await edit('s/Done/Edited/', 'widget a --subresource=status')).code, 0)
      assert.equal((await edit('s/Edited/Lost/', 'widget a')).code, 0)
      assert.equal(await value('.status.phase'), 'Edited')
      await refused('scale widget/a --replicas=11', /spec.replicas in body should be less than or equal to 10/)
      await refused('scale widget/a --replicas=3 --current-replicas=7', /Expected replicas to be 7, was 2/)
      await k('scale widget/a --replicas=3')
      assert.equal(await value('.spec.replicas'), '3')
    })

    test('unknown fields are an error, a warning or nothing, as --validate says', async () => {
      const wrong = widget('{replicas: 1, bogus: 1}')
      await refused('replace -f -', /unknown field "spec\.bogus"/, wrong)
      assert.match((await run('replace --validate=warn -f -', wrong)).err, /Warning: unknown field "spec\.bogus"/)
      assert.equal((await run('replace --validate=ignore -f -', wrong)).err, '')
      assert.equal(await value('.spec.bogus'), '')
      await refused(
        'create --validate=strict -f -',
        /unknown field "dta"/,
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndta: {}\n',
      )
    })

    test('labels and annotations are not overwritten unasked; replace --force makes an object anew', async () => {
      await k('label widget a tier=front')
      await refused('label widget a tier=back', /'tier' already has a value \(front\), and --overwrite is false/)
      await k('label --overwrite widget a tier=back')
      await k('annotate widget a note=kept')
      assert.equal(await k('get widgets -l tier=back -o jsonpath={.items[*].metadata.annotations.note}'), 'kept')
      const before = await value('.metadata.uid')
      const file = join(directory, `${ns}.yaml`)
      await writeFile(file, widget('{replicas: 1}'))
      assert.match(await k(`replace --force -f ${file}`), /deleted[\s\S]*replaced/)
      assert.notEqual(await value('.metadata.uid'), before)
    })

    test('lists come in pages, by name, as raw paths; explain and api-resources describe', async () => {
      for (const name of ['b', 'c', 'd']) await k('create -f -', widget('{replicas: 1}', name))
      assert.match(await k('get wd --chunk-size=2'), /^NAME +AGE\na +\S+\nb +\S+\nc +\S+\nd +\S+\n$/)
      assert.match(await k('get wd --field-selector=metadata.name=c -o name'), /^widget\.\S+\/c\n$/)
      const raw = await k(`get --raw /apis/${group}/v1/namespaces/${ns}/widgets/a/scale`)
      assert.equal(JSON.parse(raw).kind, 'Scale')
      assert.match(await k(`explain widget.spec --api-version=${group}/v1`), /size\s+<string>\s+How large it is/)
      assert.match(await k(`api-resources --api-group=${group}`), /^NAME.*\nwidgets +wd +\S+\/v1 +true +Widget\n$/)
    })

    test('get -w follows custom objects', async () => {
      const watching = kubectl.follow(`-n ${ns} get widgets -w --output-watch-events`)
      await watching.line(/ADDED +d /)
      await k('create -f -', widget('{}', 'seen'))
      await watching.line(/ADDED +seen /)
      await k('label widget seen x=y')
      await watching.line(/MODIFIED +seen /)
      await k('delete widget seen --wait=false')
      await watching.line(/DELETED +seen /)
      watching.end()
    })

    test('rights decide who sees them', async () => {
      await refused(
        'get widgets --as=jane --as-group=dev',
        new RegExp(
          `widgets\\.${group} is forbidden: User "jane" cannot list resource "widgets" in API group "${group}"`,
        ),
      )
      await k(`create role reader --verb=get,list --resource=widgets.${group}`)
      await k('create rolebinding reader --role=reader --group=dev')
      assert.match(await k('get widgets --as=jane --as-group=dev -o name'), /\/a\n/)
      assert.equal((await run(`auth can-i delete widgets.${group} --as=jane --as-group=dev`)).out, 'no\n')
      assert.match(
        await k('auth can-i --list --as=jane --as-group=dev'),
        new RegExp(`^widgets\\.${group} +\\[\\] +\\[\\] +\\[get list\\]$`, 'm'),
      )
    })

    test('tokens are made for as long and for whom they are asked', async () => {
      await refused('create token default --duration=5m', /may not specify a duration less than 10 minutes/)
      const token = (await k('create token default --duration=15m --audience=there')).trim()
      const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
      assert.deepEqual([claims.aud, claims.exp - claims.iat], [['there'], 900])
    })

    test('quotas, limits and pod security refuse in words that kubectl prints', async () => {
      const pod = (name: string, more = '') =>
        `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: i${more}}]}\n`
      const space = `${ns}-held`
      await k(`create namespace ${space}`)
      const there = `-n ${space}`
      await api.post(`/api/v1/namespaces/${space}/serviceaccounts`, { metadata: { name: 'default' } })
      await k(`${there} create quota few --hard=pods=1,configmaps=0`)
      await refused(
        `${there} create configmap one`,
        /configmaps "one" is forbidden: exceeded quota: few, requested: configmaps=1, used: configmaps=0, limited: configmaps=0/,
      )
      await k(
        `${there} create -f -`,
        'apiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\nspec: {limits: [{type: Container, max: {cpu: 1}}]}\n',
      )
      await refused(
        `${there} create -f -`,
        /maximum cpu usage per Container is 1, but limit is 2/,
        pod('large', ', resources: {limits: {cpu: 2}}'),
      )
      await k(
        `label namespace ${space} pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=baseline`,
      )
      await refused(
        `${there} create -f -`,
        /violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "c" must set/,
        pod('loose'),
      )
    })

    test('a verbose run shows no refusals on the way', async () => {
      const { code, err } = await run(`get widgets,configmaps,pods -v=8`)
      assert.equal(code, 0)
      const statuses = [...err.matchAll(/(?:Response Status: |status=")(\d{3})/g)].map((match) => match[1])
      assert.ok(statuses.length >= 3, err.slice(0, 500))
      assert.deepEqual([...new Set(statuses)], ['200'])
    })

    test('proxy serves the API on a local port', async () => {
      const proxy = kubectl.follow('proxy --port=0')
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(await proxy.line(/Starting to serve on/))!
      const answer = await fetch(`http://127.0.0.1:${port}/apis/${group}/v1/namespaces/${ns}/widgets/a`)
      assert.equal(((await answer.json()) as { kind: string }).kind, 'Widget')
      proxy.end()
    })

    test('delete: dry, foreground, orphaning, all, and the kind itself', async () => {
      assert.match(await k('delete widget b --dry-run=server'), /\(server dry run\)/)
      for (const [name, policy, finalizer] of [
        ['b', 'foreground', 'foregroundDeletion'],
        ['c', 'orphan', 'orphan'],
      ]) {
        await k(`delete widget ${name} --cascade=${policy} --wait=false`)
        assert.equal(await k(`get widget ${name} -o jsonpath={.metadata.finalizers[*]}`), finalizer)
        await k(`patch widget ${name} --type=merge -p '{"metadata":{"finalizers":null}}'`)
      }
      assert.match(await k('delete widgets --all'), /"a" deleted[\s\S]*"d" deleted/)
      await k(`delete crd widgets.${group}`)
      await refused(`get widgets.${group}`, /doesn't have a resource type|could not find the requested resource/)
    })
  })
}
