// Imports point downwards only, and rooms that share nothing but the API do not import each other.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const src = join(import.meta.dirname, '../../src')

/** Which rooms a room may import besides itself. Tests and suites may import anything. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  api: ['base'],
  client: ['base', 'api'],
  apiserver: ['base', 'api'],
  scheduler: ['base', 'api', 'client'],
  controllers: ['base', 'api', 'client'],
  agent: ['base', 'api', 'client'],
  proxy: ['base', 'api', 'client'],
  dashboard: ['base', 'api', 'client'],
  cli: ['base', 'api', 'client', 'apiserver', 'scheduler', 'controllers', 'agent', 'proxy', 'dashboard'],
  'main.ts': ['cli'],
}

const isTest = (file: string) => /(\.test|-suite)\.ts$/.test(file)
const roomOf = (file: string) => file.split('/')[0]!

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!)
}

test('imports point downwards only', () => {
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !isTest(file))
  assert.ok(files.length > 100, 'the source files were found')
  const upwards = files.flatMap((file) => {
    const allowed = MAY_IMPORT[roomOf(file)]
    assert.ok(allowed, `${file} is in a room that the plan does not know`)
    return importsOf(file)
      .map((path) => relative(src, join(src, dirname(file), path)))
      .filter((target) => roomOf(target) !== roomOf(file) && !allowed.includes(roomOf(target)))
      .map((target) => `${file} imports ${target}`)
  })
  assert.deepEqual(upwards, [])
})
