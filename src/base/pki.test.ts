import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { inspectCertificate } from './certificates.ts'
import { FakeClock } from './clock.ts'
import { silentLogger } from './log.ts'
import { ensurePki, keepRenewed } from './pki.ts'

const DAY = 24 * 3600_000
const ctx = { signal: new AbortController().signal, log: silentLogger }
const directories: string[] = []
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))))
async function temporary() {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-pki-'))
  directories.push(directory)
  return join(directory, 'pki')
}
const options = (clock = new FakeClock(Date.now())) => ({
  addresses: ['10.96.0.1', '192.0.2.1'],
  dnsNames: ['box'],
  clock,
})
const contents = async (directory: string) => {
  const names = (await readdir(directory)).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')])),
  )
}

describe('cluster certificates', () => {
  it('a first run makes everything, secret keys readable by the owner only; a second changes nothing', async () => {
    const directory = await temporary()
    const pki = await ensurePki(ctx, directory, options())
    await pki.node('n1', { addresses: ['192.0.2.1'], dnsNames: [] })
    const before = await contents(directory)
    assert.deepEqual(Object.keys(before), [
      'admin.crt',
      'admin.key',
      'apiserver-kubelet-client.crt',
      'apiserver-kubelet-client.key',
      'apiserver.crt',
      'apiserver.key',
      'ca.crt',
      'ca.key',
      'front-proxy-ca.crt',
      'front-proxy-ca.key',
      'front-proxy-client.crt',
      'front-proxy-client.key',
      'kubelet-n1.crt',
      'kubelet-n1.key',
      'node-n1.crt',
      'node-n1.key',
      'sa.key',
      'sa.pub',
    ])
    for (const name of Object.keys(before)) {
      const { mode } = await stat(join(directory, name))
      assert.equal(mode & 0o777, name.endsWith('.key') ? 0o600 : 0o644, name)
    }
    const again = await ensurePki(ctx, directory, options())
    await again.node('n1', { addresses: ['192.0.2.1'], dnsNames: [] })
    assert.deepEqual(await contents(directory), before)
    assert.equal(again.admin.cert, pki.admin.cert)
    const admin = inspectCertificate(pki.admin.cert)
    assert.deepEqual([admin.commonName, admin.organizations], ['kubernetes-admin', ['kubeadm:cluster-admins']])
    const node = inspectCertificate(before['node-n1.crt']!)
    assert.deepEqual([node.commonName, node.organizations], ['system:node:n1', ['system:nodes']])
  })

  it('a new address gets a new server certificate and nothing else changes', async () => {
    const directory = await temporary()
    await ensurePki(ctx, directory, options())
    const before = await contents(directory)
    const pki = await ensurePki(ctx, directory, { ...options(), addresses: ['10.96.0.1', '198.51.100.4'] })
    const now = await contents(directory)
    const changed = Object.keys(now).filter((name) => now[name] !== before[name])
    assert.deepEqual(changed, ['apiserver.crt', 'apiserver.key'])
    assert.ok(inspectCertificate(pki.server.cert).addresses.includes('198.51.100.4'))
  })

  it('broken certificates are replaced, a broken authority is refused with advice', async () => {
    const directory = await temporary()
    await ensurePki(ctx, directory, options())
    await writeFile(join(directory, 'admin.crt'), 'garbage')
    await rm(join(directory, 'apiserver.key'))
    await ensurePki(ctx, directory, options())
    assert.match(await readFile(join(directory, 'admin.crt'), 'utf8'), /BEGIN CERTIFICATE/)
    const ca = await readFile(join(directory, 'ca.crt'), 'utf8')
    await writeFile(join(directory, 'ca.crt'), 'garbage')
    await assert.rejects(ensurePki(ctx, directory, options()), {
      name: 'PkiError',
      message: /authority can't be used.*restore/,
    })
    await writeFile(join(directory, 'ca.crt'), ca)
    await rm(join(directory, 'ca.key'))
    await assert.rejects(ensurePki(ctx, directory, options()), {
      name: 'PkiError',
      message: /ca\.key is missing: restore/,
    })
  })

  it('a running TLS server gets its new certificate at the deadline, with the old connections untouched', async () => {
    const clock = new FakeClock(Date.now())
    const abort = new AbortController()
    const pki = await ensurePki(ctx, await temporary(), options(clock))
    const server = createServer(
      { ...pki.server, ca: pki.authorityCert, requestCert: true, rejectUnauthorized: false },
      (socket) => {
        socket.on('error', () => {})
        const peer = socket.getPeerCertificate()
        socket.write(JSON.stringify({ authorized: socket.authorized, name: peer.subject?.CN, groups: peer.subject?.O }))
      },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const dial = async () => {
      const socket: TLSSocket = connect({
        port,
        host: '127.0.0.1',
        servername: 'kubernetes',
        ca: pki.authorityCert,
        ...pki.admin,
      })
      const [data] = await once(socket, 'data')
      return { socket, said: JSON.parse(data.toString()), serial: socket.getPeerCertificate().serialNumber }
    }
    const swapped = Promise.withResolvers<void>()
    const issued = inspectCertificate(pki.server.cert).notBeforeMs
    const renewed = async () => {
      await pki.renew()
      server.setSecureContext({ ...pki.server, ca: pki.authorityCert })
      swapped.resolve()
    }
    keepRenewed({ ...ctx, signal: abort.signal }, clock, () => [pki.server, pki.kubeletClient, pki.admin], renewed)
    const first = await dial()
    assert.deepEqual(first.said, { authorized: true, name: 'kubernetes-admin', groups: 'kubeadm:cluster-admins' })
    await clock.advance(243 * DAY)
    const same = await dial()
    assert.equal(same.serial, first.serial)
    await clock.advance(DAY)
    await swapped.promise
    await new Promise((resolve) => setImmediate(resolve)) // the next deadline is set afterwards
    assert.equal(first.socket.destroyed, false)
    for (const pair of [pki.server, pki.kubeletClient, pki.admin])
      assert.ok(inspectCertificate(pair.cert).notBeforeMs > issued + 200 * DAY, 'all that was due is new')
    assert.ok((clock.untilNextMs() ?? 0) > 200 * DAY, 'the next renewal is set')
    abort.abort()
    assert.equal(clock.untilNextMs(), undefined)
    for (const { socket } of [first, same]) socket.destroy()
    server.close()
  })

  it('a warm start does not load the certificate library', async () => {
    const directory = await temporary()
    await ensurePki(ctx, directory, options())
    const script = `
      import { ensurePki } from '${join(import.meta.dirname, 'pki.ts')}'
      import { systemClock } from '${join(import.meta.dirname, 'clock.ts')}'
      const ctx = { signal: new AbortController().signal, log: { info() {}, error() {} } }
      await ensurePki(ctx, ${JSON.stringify(directory)}, { addresses: ['10.96.0.1'], dnsNames: ['box'], clock: systemClock })
      console.log('getMetadata' in Reflect)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    assert.equal(stdout.trim(), 'false')
  })
})
