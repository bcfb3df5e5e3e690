import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openMemoryStore } from '../apiserver/storage/memory.ts'
import { FakeClock } from '../base/clock.ts'
import { accessOptions } from './access-config.ts'

const directory = mkdtempSync(join(tmpdir(), 'skiff-access-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const parts = { store: openMemoryStore(), clock: new FakeClock(), random: () => 0 }
const NONE = {
  tokenAuthFile: '',
  authenticationConfig: '',
  authenticationTokenWebhookConfigFile: '',
  authenticationTokenWebhookVersion: 'v1',
  serviceAccountIssuer: '',
  apiAudiences: '',
  authorizationConfig: '',
}

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

describe('files about access', () => {
  it('without any, the defaults hold', async () => {
    assert.deepEqual(await accessOptions(NONE, parts), { authentication: {} })
  })

  it('become settings of the API server', async () => {
    const tokenAuthFile = file('tokens.csv', 'abc,jane,7\n')
    const authenticationConfig = file(
      'authn.yaml',
      `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous: { enabled: true, conditions: [{ path: /livez }] }
jwt:
  - issuer: { url: https://issuer.example.com, audiences: [app] }
    claimMappings: { username: { claim: sub, prefix: "" } }
`,
    )
    const kubeconfig = file(
      'hook.kubeconfig',
      `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: https://authz.example.com/authorize } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`,
    )
    const authorizationConfig = file(
      'authz.yaml',
      `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
  - { type: Node, name: node }
  - type: Webhook
    name: hook
    webhook:
      timeout: 3s
      subjectAccessReviewVersion: v1
      failurePolicy: Deny
      connectionInfo: { type: KubeConfigFile, kubeConfigFile: ${kubeconfig} }
`,
    )
    const options = await accessOptions(
      {
        ...NONE,
        tokenAuthFile,
        authenticationConfig,
        authenticationTokenWebhookConfigFile: kubeconfig,
        serviceAccountIssuer: 'https://one.example.com,two',
        apiAudiences: 'api',
        authorizationConfig,
      },
      parts,
    )
    assert.equal(options.authentication?.staticTokens?.get('abc')?.name, 'jane')
    assert.deepEqual(options.authentication?.anonymous, new Set(['/livez']))
    assert.equal(options.authentication?.tokenAuthenticators?.(['api']).length, 2, 'an issuer and the webhook')
    assert.deepEqual(options.authentication?.issuers, ['https://one.example.com', 'two'])
    assert.deepEqual(options.authentication?.audiences, ['api'])
    assert.deepEqual(
      options.authorization?.map((link) => (typeof link === 'string' ? link : link.name)),
      ['Node', 'hook'],
    )
  })

  it('that are wrong are named, with the field', async () => {
    const tokenAuthFile = file('bad.csv', 'abc')
    await assert.rejects(accessOptions({ ...NONE, tokenAuthFile }, parts), {
      message: `--token-auth-file ${tokenAuthFile}: line 1 must have at least 3 columns (token, user name, user uid), found 1`,
    })
    const authorizationConfig = file('bad.yaml', 'kind: [')
    await assert.rejects(
      accessOptions({ ...NONE, authorizationConfig }, parts),
      /--authorization-config .*: it is not YAML/,
    )
    const missing = join(directory, 'none')
    await assert.rejects(accessOptions({ ...NONE, authenticationConfig: missing }, parts), /there is no such file/)
  })
})
