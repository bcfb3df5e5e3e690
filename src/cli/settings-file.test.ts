import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { CliError, parseFlags } from './config.ts'
import { paths } from './paths.ts'
import { clusterConfig, existingCluster, saveSettings } from './settings-file.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skiff settings-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))
const flags = (...args: string[]) => parseFlags(['--data-dir', dir, ...args])

test('later commands need only the data directory', () => {
  const config = clusterConfig(flags('--name=two', '--api-port=7443', '--node-name=n'), {})
  saveSettings(paths(dir), config)
  assert.deepEqual(clusterConfig(flags(), {}), config)
  assert.deepEqual(existingCluster(flags()).config.apiPort, 7443)
  assert.equal(clusterConfig(flags('--api-port=8443'), {}).apiPort, 8443)
  assert.equal(clusterConfig(flags(), { SKIFF_API_PORT: '9443' }).apiPort, 9443)
})

test('settings that an earlier version did not have get their default', () => {
  writeFileSync(paths(dir).settings, '{"name":"old"}')
  const config = clusterConfig(flags('--node-name=n'), {})
  assert.equal(config.name, 'old')
  assert.equal(config.clusterDomain, 'cluster.local')
})

test('a directory without a cluster, and one whose settings are damaged, are told apart', () => {
  assert.throws(() => existingCluster(flags('--node-name=n')), /^CliError: there is no cluster in .*: start one with/)
  for (const text of ['{', '[]', 'null']) {
    writeFileSync(paths(dir).settings, text)
    assert.throws(
      () => clusterConfig(flags()),
      (err) => err instanceof CliError && /cluster\.json cannot be read \(.*\): repair it/.test(err.message),
    )
  }
})
