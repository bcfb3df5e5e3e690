// What kubectl asks about access, against the real server over TLS: auth can-i, whoami and reconcile, certificate approve and deny.
// Skipped where there is no kubectl.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { conformanceServer } from './server.ts'

const candidates = ['kubectl', join(tmpdir(), 'skiff-test-kubectl/root/usr/bin/kubectl')]
const programs = candidates.filter((program) => {
  if (program !== 'kubectl' && !existsSync(program)) return false
  try {
    execFileSync(program, ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})

const api = await conformanceServer()
const directory = await mkdtemp(join(tmpdir(), 'skiff-access-'))
after(async () => {
  await api.close()
  await rm(directory, { recursive: true, force: true })
})
const kubeconfig = join(directory, 'kubeconfig')
await writeFile(kubeconfig, api.config.exportConfig())
const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory }

const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHWMH8CAQAwHTEMMAoGA1UECgwDZGV2MQ0wCwYDVQQDDARqYW5lMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEM0kQ6rUIVS6vxt1j+KbCoBiCMC1qJQabYmsQzWzS
vf+IXlySSFXv3atUUGnhFfUyMN3+X0+ZOybFRcO3cM0nuqAAMAoGCCqGSM49BAMC
A0cAMEQCIDlM4ioL4aIqSPbqTwu4Ow+8w7CYbLR8pq/xIvZdh+t6AiBqABBHCxLs
Nd4XbNyCHTfUroh6S119bwJduxFUMDRezQ==
-----END CERTIFICATE REQUEST-----
`

for (const program of programs.length > 0 ? programs : ['kubectl']) {
  const options = { skip: programs.length > 0 ? false : 'kubectl is not installed' }
  const kubectl = (args: string, input?: string) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const child = execFile(program, args.split(' '), { env, timeout: 30_000 }, (err, out, stderr) => {
        resolve({ code: err ? Number(err.code ?? 1) : 0, out, err: stderr })
      })
      child.stdin?.end(input)
    })

  describe(`kubectl at ${program}`, options, () => {
    it('auth can-i answers for oneself and for others', async () => {
      assert.equal((await kubectl('auth can-i delete nodes')).out, 'yes\n')
      const no = await kubectl('auth can-i delete pods --as jane')
      assert.deepEqual([no.code, no.out], [1, 'no\n'])
      assert.equal((await kubectl('auth can-i get /version --as jane')).out, 'yes\n')
      const list = await kubectl('auth can-i --list --as jane')
      assert.match(list.out, /^selfsubjectaccessreviews\.authorization\.k8s\.io +\[\] +\[\] +\[create\]$/m)
      assert.match(list.out, /\[\/healthz\] +\[\] +\[get\]/)
    })

    it('auth whoami names user and groups', async () => {
      const { out } = await kubectl('auth whoami')
      assert.match(out, /^Username +kubernetes-admin$/m)
      assert.match(out, /^Groups +\[kubeadm:cluster-admins system:authenticated\]$/m)
      assert.match(
        (await kubectl('auth whoami --as jane --as-group dev')).out,
        /^Groups +\[dev system:authenticated\]$/m,
      )
    })

    it('auth reconcile makes roles and adds to them', async () => {
      const role = (verbs: string) => `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: default }
rules: [{ apiGroups: [""], resources: [pods], verbs: [${verbs}] }]
`
      const made = await kubectl('auth reconcile -f -', role('get'))
      assert.match(made.out, /role\.rbac\.authorization\.k8s\.io\/reader reconciled/)
      await kubectl('auth reconcile -f -', role('list'))
      const { out } = await kubectl('get role reader -o jsonpath={.rules[*].verbs[*]}')
      assert.equal(out, 'get list')
      await kubectl('delete role reader')
    })

    it('certificate approve and deny decide', async () => {
      for (const [name, verb, condition] of [
        ['one', 'approve', 'Approved'],
        ['two', 'deny', 'Denied'],
      ] as const) {
        const csr = `apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: ${name} }
spec: { request: ${Buffer.from(REQUEST).toString('base64')}, signerName: example.com/own, usages: [client auth] }
`
        assert.equal((await kubectl('create -f -', csr)).code, 0)
        assert.match((await kubectl(`get csr ${name}`)).out, /Pending/)
        const decided = await kubectl(`certificate ${verb} ${name}`)
        assert.equal(decided.code, 0, decided.err)
        assert.match((await kubectl(`get csr ${name}`)).out, new RegExp(condition))
        await kubectl(`delete csr ${name}`)
      }
    })
  })
}
