import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  buildKubeconfig,
  formatKubeconfig,
  KubeconfigError,
  loadKubeconfig,
  parseKubeconfig,
  resolveKubeconfig,
} from './kubeconfig.ts'

test('what was built and written is read back as it was', async () => {
  const config = buildKubeconfig({
    server: 'https://127.0.0.1:6443',
    ca: 'CA PEM',
    cluster: 'skiff',
    user: 'admin',
    credentials: { cert: 'CERT PEM', key: 'KEY PEM' },
  })
  const text = formatKubeconfig(config)
  assert.deepEqual(parseKubeconfig(text), config)
  const { options, namespace } = await resolveKubeconfig(parseKubeconfig(text), '/')
  assert.equal(options.server, 'https://127.0.0.1:6443')
  assert.equal(options.ca, 'CA PEM')
  assert.equal(namespace, 'default')
  assert.deepEqual(await options.clientCertificate?.(), { cert: 'CERT PEM', key: 'KEY PEM' })
})

test('files are found relative to the kubeconfig, and a renewed certificate is taken up', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
  try {
    await writeFile(join(dir, 'ca.crt'), 'CA')
    await writeFile(join(dir, 'me.crt'), 'OLD')
    await writeFile(join(dir, 'me.key'), 'KEY')
    await writeFile(
      join(dir, 'config'),
      `apiVersion: v1
kind: Config
current-context: b
clusters: [{name: c, cluster: {server: "https://x:1", certificate-authority: ca.crt, tls-server-name: kubernetes}}]
users:
- {name: u, user: {client-certificate: me.crt, client-key: me.key}}
- {name: t, user: {tokenFile: token}}
contexts:
- {name: a, context: {cluster: c, user: t}}
- {name: b, context: {cluster: c, user: u, namespace: blue}}
`,
    )
    const b = await loadKubeconfig(join(dir, 'config'))
    assert.equal(b.namespace, 'blue')
    assert.equal(b.options.ca, 'CA')
    assert.equal(b.options.serverName, 'kubernetes')
    await writeFile(join(dir, 'me.crt'), 'NEW')
    assert.deepEqual(await b.options.clientCertificate?.(), { cert: 'NEW', key: 'KEY' })
    const a = await loadKubeconfig(join(dir, 'config'), 'a')
    assert.equal(a.options.tokenFile, join(dir, 'token'))
    assert.equal(a.options.clientCertificate, undefined)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('a bad kubeconfig says what is wrong', async () => {
  assert.throws(() => parseKubeconfig('a: [b'), KubeconfigError)
  assert.throws(() => parseKubeconfig('just text'), /not a mapping/)
  assert.throws(() => parseKubeconfig('kind: Pod'), /kind Config, not Pod/)
  assert.throws(() => parseKubeconfig('clusters: {}'), /clusters of the kubeconfig is not a list/)
  await assert.rejects(loadKubeconfig('/does/not/exist'), /cannot read the kubeconfig \/does\/not\/exist/)
  await assert.rejects(resolveKubeconfig({}, '/'), /no current context/)
  await assert.rejects(resolveKubeconfig({}, '/', 'x'), /no context "x"/)
  const contexts = [{ name: 'x', context: { cluster: 'c', user: 'u' } }]
  const clusters = [{ name: 'c', cluster: { server: 'https://x' } }]
  await assert.rejects(resolveKubeconfig({ contexts }, '/', 'x'), /no cluster "c"/)
  const users = [{ name: 'u', user: { exec: { command: 'aws' } } }]
  await assert.rejects(
    resolveKubeconfig({ contexts, clusters, users }, '/', 'x'),
    /authenticates by exec: not supported/,
  )
})
