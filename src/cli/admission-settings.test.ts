import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { admissionSettings } from './admission-settings.ts'

const dir = mkdtempSync(join(tmpdir(), 'admission-'))
after(() => rmSync(dir, { recursive: true }))

const base = { enableAdmissionPlugins: '', disableAdmissionPlugins: '', admissionControlConfigFile: '' }

function withFile(plugins: string, name = 'config.yaml') {
  const file = join(dir, name)
  writeFileSync(file, `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n${plugins}`)
  return admissionSettings({ ...base, admissionControlConfigFile: file })
}

test('without settings, everything is as usual', () => {
  assert.deepEqual(admissionSettings(base), { enabled: [], disabled: [], configurations: {} })
})

test('a plug-in that does not exist is told at start', () => {
  assert.throws(
    () => admissionSettings({ ...base, enableAdmissionPlugins: 'AlwaysPullImages,Magic' }),
    /--enable-admission-plugins: plug-in "Magic" is unknown/,
  )
})

test('plug-ins get their settings, from the file or from another that it names', () => {
  writeFileSync(
    join(dir, 'events.yaml'),
    'apiVersion: eventratelimit.admission.k8s.io/v1alpha1\nkind: Configuration\nlimits: [{type: Namespace, qps: 50, burst: 100}]\n',
  )
  const { configurations } = withFile(`
  - name: EventRateLimit
    path: events.yaml
  - name: ResourceQuota
    configuration:
      apiVersion: apiserver.config.k8s.io/v1
      kind: ResourceQuotaConfiguration
      limitedResources:
        - resource: pods
          matchScopes: [{scopeName: PriorityClass, operator: In, values: [high]}]
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults: {enforce: baseline, enforce-version: v1.30, warn: restricted}
      exemptions: {namespaces: [kube-system]}
`)
  assert.deepEqual(configurations.EventRateLimit, [{ type: 'Namespace', qps: 50, burst: 100, cacheSize: undefined }])
  assert.equal(configurations.ResourceQuota?.[0]?.resource, 'pods')
  assert.deepEqual(configurations.PodSecurity?.defaults.enforce, { level: 'baseline', version: 30 })
  assert.equal(configurations.PodSecurity?.defaults.warn.level, 'restricted')
  assert.deepEqual(configurations.PodSecurity?.exempt.namespaces, ['kube-system'])
})

test('what is wrong in the file is named with its path', () => {
  const podSecurity = (defaults: string) => `
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults: ${defaults}
`
  const table: [string, RegExp][] = [
    [
      podSecurity('{enforce: strict}'),
      /config\.yaml: plugins\[0\]\.configuration\.defaults\.enforce: must be one of privileged, /,
    ],
    [podSecurity('{audit-version: v2}'), /defaults\.audit-version: must be "latest" or "v1\.x"/],
    [podSecurity('{enforced: baseline}'), /defaults\.enforced: is not a field of it/],
    ['  - {name: A, path: nowhere.yaml}', /nowhere\.yaml cannot be read: there is no such file/],
    ['  - {configuration: {}}', /plugins\[0\]\.name: must be a text that is not empty/],
  ]
  for (const [plugins, why] of table) assert.throws(() => withFile(plugins), why)
  const file = join(dir, 'other.yaml')
  writeFileSync(file, 'kind: Policy')
  assert.throws(
    () => admissionSettings({ ...base, admissionControlConfigFile: file }),
    /other\.yaml: apiVersion: must be apiserver\.config\.k8s\.io\/v1/,
  )
})
