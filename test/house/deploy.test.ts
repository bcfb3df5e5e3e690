// The files in deploy/ agree with the program: the units call commands and flags that there are, the scripts are shell, the examples are valid.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { builtinKinds } from '../../src/api/kinds/builtin.ts'
import type { KubeObject } from '../../src/api/meta/object.ts'
import { decodeObject } from '../../src/api/schema/decode.ts'
import { applyDefaults } from '../../src/api/schema/defaults.ts'
import { usage } from '../../src/cli/command-line.ts'
import { EXIT_CONFIG } from '../../src/cli/component.ts'
import { parseFlags } from '../../src/cli/config.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

test('the units run commands of the program, with its flags', () => {
  const commands = new Set([...usage().matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]!))
  for (const unit of ['deploy/skiff-server.service', 'deploy/skiff-agent.service']) {
    const lines = [...read(unit).matchAll(/^Exec\w+=\/usr\/local\/bin\/skiff (\S+) (.*)$/gm)]
    assert.ok(lines.length > 0, unit)
    for (const [, command, flags] of lines) {
      assert.ok(commands.has(command!), `${unit}: ${command}`)
      parseFlags(flags!.split(' '))
    }
    assert.match(read(unit), new RegExp(`^RestartPreventExitStatus=${EXIT_CONFIG}$`, 'm'))
  }
})

test('the scripts are POSIX shell', () => {
  for (const script of ['skiff', ...globSync('deploy/*.sh', { cwd: root })]) {
    const { status, stderr } = spawnSync('sh', ['-n', join(root, script)], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }
})

test('the examples are valid', () => {
  for (const file of globSync('deploy/examples/*.yaml', { cwd: root })) {
    for (const document of parseAllDocuments(read(file))) {
      const body = document.toJS() as KubeObject
      const kind = builtinKinds.find((k) => k.apiVersion === body.apiVersion && k.kind === body.kind)
      assert.ok(kind, `${file}: ${body.kind}`)
      const { object, unknown } = decodeObject(kind.schema, body)
      assert.deepEqual(unknown, [], file)
      applyDefaults(kind.schema, object)
      kind.default?.(object as never)
      assert.deepEqual(kind.validate?.(object as never) ?? [], [], file)
    }
  }
})
