// What kubectl asks about access, against the real server over TLS: auth can-i, whoami and reconcile, certificate approve and deny.
// Skipped where there is no kubectl.
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { kubectls } from './kubectl.ts'
import { conformanceServer } from './server.ts'

const api = await conformanceServer()
const { programs, close } = await kubectls(api)
after(async () => {
  await api.close()
  await close()
})

const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHWMH8CAQAwHTEMMAoGA1UECgwDZGV2MQ0wCwYDVQQDDARqYW5lMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEM0kQ6rUIVS6vxt1j+KbCoBiCMC1qJQabYmsQzWzS
vf+IXlySSFXv3atUUGnhFfUyMN3+X0+ZOybFRcO3cM0nuqAAMAoGCCqGSM49BAMC
A0cAMEQCIDlM4ioL4aIqSPbqTwu4Ow+8w7CYbLR8pq/xIvZdh+t6AiBqABBHCxLs
Nd4XbNyCHTfUroh6S119bwJduxFUMDRezQ==
-----END CERTIFICATE REQUEST-----
`

for (const { program, found, run: kubectl } of programs) {
  describe(`kubectl at ${program}`, { skip: found ? false : 'kubectl is not installed' }, () => {
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
