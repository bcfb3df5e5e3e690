import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { databaseSize } from './database-size.ts'

test('the size of the database is that of its files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skiff-size-'))
  writeFileSync(join(directory, 'a'), 'x'.repeat(100))
  writeFileSync(join(directory, 'b'), 'x'.repeat(23))
  assert.match(databaseSize(directory), /^apiserver_storage_size_bytes\{storage_cluster_id="etcd-0"\} 123$/m)
  rmSync(directory, { recursive: true })
})
