// Custom resources with each kubectl program: from the definition to its end.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { withEachKubectl } from './kubectl-session.ts'

const definition = (group: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {plural: crontabs, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        description: Runs something at certain times.
        type: object
        properties:
          spec:
            description: What to run and when.
            type: object
            required: [cronSpec]
            properties:
              cronSpec: {type: string, description: When it runs.}
              image: {type: string}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`
const cronTab = (group: string, name: string, more = '') => `apiVersion: ${group}/v1
kind: CronTab
metadata: {name: ${name}}
spec:
  cronSpec: "* * * * */5"
${more}`

withEachKubectl('custom', (session) => {
  const { k, ns } = session
  const group = `${ns}.example.com`

  test('a definition is applied, waited for and used at once', async () => {
    assert.match(await k('apply -f -', definition(group)), /crontabs\.\S+ created/)
    const name = `crd/crontabs.${group}`
    assert.match(await k(`wait --for=condition=Established ${name} --timeout=10s`), /condition met/)
    assert.match(await k('apply -f -', cronTab(group, 'a', '  image: nginx\n')), /crontab\.\S+\/a created/)
    assert.match(await k('get ct'), /NAME +SPEC +REPLICAS +AGE\na +\* \* \* \* \*\/5 +1 +\d+s/)
    assert.match(await k('get all'), new RegExp(`crontab.${group}/a`))
    assert.match(await k('get crontab a -o yaml'), /replicas: 1/)
    assert.match(await k('describe crontab a'), /Cron Spec: +\* \* \* \* \*\/5/)
    assert.match(await k(`api-resources --api-group=${group}`), /crontabs +ct +\S+\/v1 +true +CronTab/)
  })

  test('explain describes the fields', async () => {
    assert.match(await k('explain crontab'), /KIND: +CronTab[\s\S]*Runs something at certain times/)
    assert.match(await k('explain crontab.spec.cronSpec'), /When it runs/)
    assert.match(await k('explain crontab.spec --recursive'), /free\s+<Object>/)
  })

  test('what is wrong is said by the client or by the server', async () => {
    await session.refused('create -f -', /unknown field "spec.bogus"/, cronTab(group, 'b', '  bogus: 1\n'))
    await session.refused(
      'create -f -',
      /spec.replicas in body should be less than or equal to 10/,
      cronTab(group, 'b', '  replicas: 11\n'),
    )
    assert.match(await k('create -f -', cronTab(group, 'b', '  free: {any: {thing: [1]}}\n')), /created/)
    assert.equal(await k('get ct b -o jsonpath={.spec.free.any.thing[0]}'), '1')
  })

  test('objects are patched, scaled, edited and applied by the server', async () => {
    const replicas = () => k('get ct a -o jsonpath={.spec.replicas}')
    await k(`patch ct a --type=merge -p '{"spec":{"image":"httpd"}}'`)
    await k(`patch ct a --type=json -p '[{"op":"replace","path":"/spec/image","value":"caddy"}]'`)
    assert.equal(await k('get ct a -o jsonpath={.spec.image}'), 'caddy')
    assert.match(await k('scale ct a --replicas=4'), /scaled/)
    assert.equal(await replicas(), '4')
    assert.match(
      await k('apply --server-side --force-conflicts -f -', cronTab(group, 'a', '  replicas: 5\n')),
      /serverside-applied/,
    )
    assert.equal(await replicas(), '5')
    const folder = join(session.cluster.dataDir, 'editors')
    mkdirSync(folder, { recursive: true })
    const editor = join(folder, `custom-${ns}.sh`)
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/replicas: 5/replicas: 6/" "$1"\n', { mode: 0o755 })
    const edited = await session.try('edit ct a', undefined, { KUBE_EDITOR: editor })
    assert.equal(edited.code, 0, edited.stderr)
    assert.equal(await replicas(), '6')
    assert.match(await k(`patch ct a --subresource=status --type=merge -p '{"status":{"replicas":6}}'`), /patched/)
    assert.match(await k('diff -f -', cronTab(group, 'b', '  free: {any: {thing: [1]}}\n')), /^$/)
  })

  test('objects go one by one, and with their definition', async () => {
    assert.match(await k('delete ct a'), /deleted/)
    assert.match(await k(`delete crd crontabs.${group}`), /deleted/)
    await session.refused(
      'get ct',
      /the server (doesn't have a resource type "ct"|could not find the requested resource)/,
    )
  })
})
