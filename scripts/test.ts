// `npm test`: types, lint, unit tests with house rules and stories, then the end-to-end tests with real Docker and real kubectl.
// `npm test -- unit` or `-- e2e` runs a part. Ends with node:test's summary of each run.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules/.bin', name)
process.env['PATH'] = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}:/usr/sbin:/sbin`

function step(name: string, file: string, args: readonly string[]): void {
  const began = performance.now()
  console.log(`\n# ${name}`)
  const { status, error } = spawnSync(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) throw error
  if (status !== 0) {
    console.error(`\n${name} failed`)
    process.exit(status ?? 1)
  }
  console.log(`# ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

const tests = (patterns: string[]) => globSync(patterns, { cwd: root }).sort()
const nodeTest = (...args: string[]) => ['--disable-warning=ExperimentalWarning', '--test', ...args]

const only = process.argv[2]
if (only !== 'e2e') {
  step('types', process.execPath, [join(root, 'scripts/generate-types.ts'), '--check'])
  step('types of the program', bin('tsc'), ['--noEmit'])
  step('lint', bin('biome'), ['check', '--error-on-warnings'])
  const files = tests([
    'src/**/*.test.ts',
    'test/house/*.test.ts',
    'test/stories/*.test.ts',
    'test/conformance/*.test.ts',
    'test/fuzz/*.test.ts',
  ])
  step(
    'unit tests, house rules and stories',
    process.execPath,
    nodeTest('--test-reporter=spec', '--test-concurrency=4', ...files),
  )
}
if (only !== 'unit') {
  const files = tests(['test/e2e/*.e2e.ts'])
  step(
    'end-to-end tests',
    process.execPath,
    nodeTest('--test-reporter=spec', '--test-concurrency=1', '--test-timeout=600000', ...files),
  )
}
