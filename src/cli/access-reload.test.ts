import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { ApiServer } from '../apiserver/server.ts'
import { testApi } from '../apiserver/test-api.ts'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { keepAccess } from './access-reload.ts'

describe('the access configuration', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skiff-reload-'))
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('is read again when it changes, and kept when it is wrong', async () => {
    const path = join(directory, 'authz.yaml')
    const write = (authorizers: string) => {
      const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n'
      writeFileSync(`${path}.new`, `${head}authorizers: ${authorizers}\n`)
      renameSync(`${path}.new`, path)
    }
    write('[{ type: RBAC, name: rbac }]')
    const api = await testApi()
    const used: (() => void)[] = []
    const failed: (() => void)[] = []
    const log = Object.assign(Object.create(silentLogger), { error: () => failed.shift()?.() })
    const server: Pick<ApiServer, 'useAccess'> = {
      useAccess(changed) {
        api.server.useAccess(changed)
        used.shift()?.()
      },
    }
    const files = {
      tokenAuthFile: '',
      authenticationConfig: '',
      authenticationTokenWebhookConfigFile: '',
      authenticationTokenWebhookVersion: 'v1',
      serviceAccountIssuer: '',
      apiAudiences: '',
      authorizationConfig: path,
    }
    const parts = { store: api.store, clock: systemClock, random: () => 0 }
    const stop = keepAccess({ signal: new AbortController().signal, log }, files, parts, server)
    const jane = { user: { name: 'jane', groups: [] } }
    const next = (list: (() => void)[]) => new Promise<void>((resolve) => list.push(resolve))

    const reloaded = next(used)
    write('[{ type: AlwaysAllow, name: open }]')
    await reloaded
    assert.equal((await api.get('/api/v1/nodes', jane)).status, 200)

    const refused = next(failed)
    write('[{ type: Nobody, name: x }]')
    await refused
    assert.equal((await api.get('/api/v1/nodes', jane)).status, 200, 'what was understood holds')

    const mended = next(used)
    write('[{ type: RBAC, name: rbac }]')
    await mended
    assert.equal((await api.get('/api/v1/nodes', jane)).status, 403)
    stop()
    await api.close()
  })
})
