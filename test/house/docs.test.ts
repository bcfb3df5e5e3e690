// Pages that name what no longer exists mislead: the files, flags, variables, npm scripts and commands that the documentation names are looked up.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { usage } from '../../src/cli/command-line.ts'
import { USAGE_OF_FLAGS } from '../../src/cli/config.ts'

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: root })].sort()
const read = (page: string) => readFileSync(join(root, page), 'utf8')

/** What `pattern`'s first group finds in each page, with the page's name, as `page: match`. */
const named = (pattern: RegExp) =>
  pages.flatMap((page) => [...read(page).matchAll(pattern)].map((match) => ({ page, text: match[1]! })))
const wrong = (found: { page: string; text: string }[], isRight: (text: string, page: string) => boolean) =>
  found.filter(({ page, text }) => !isRight(text, page)).map(({ page, text }) => `${page}: ${text}`)

test('links lead to files, and to headings that they have', () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    )
  const leads = (link: string, page: string) => {
    const [file, anchor] = link.split('#')
    const target = file ? join(dirname(page), file) : page
    return existsSync(join(root, target)) && (!anchor || anchors(read(target)).includes(anchor))
  }
  assert.deepEqual(wrong(named(/\]\((?!https?:)([^)\s]+)\)/g), leads), [])
})

test('paths in the sources, tests and scripts exist', () => {
  const paths = named(/(?<![\w/.-])((?:src|test|scripts|deploy|docs)\/[\w./-]*\w)/g)
  const isThere = (path: string, page: string) =>
    existsSync(join(root, path)) || existsSync(join(root, dirname(page), path))
  // Figures are made by a run of the benchmark, and the page comes with them.
  assert.deepEqual(
    wrong(
      paths.filter(({ text }) => text !== 'docs/benchmarks.md'),
      isThere,
    ),
    [],
  )
})

test('flags and variables are those of the settings', () => {
  const flags = new Set([...usage().matchAll(/--([a-z-]+)/g)].map((match) => match[1]!))
  const ours = named(/(?:skiff [a-z]+|^\| `)[^`\n|]*?--([a-z-]+)/gm)
  assert.deepEqual(
    wrong(ours, (flag) => flags.has(flag)),
    [],
  )
  const variable = (flag: string) => `SKIFF_${flag.toUpperCase().replaceAll('-', '_')}`
  const variables = new Set([...[...flags].map(variable), 'SKIFF_LOG_LEVEL'])
  assert.deepEqual(
    wrong(named(/\b(SKIFF_[A-Z_]+[A-Z])\b/g), (name) => variables.has(name)),
    [],
  )
})

test("README's table of settings has every flag", () => {
  const rows = new Set([...read('README.md').matchAll(/^\| `--([a-z-]+)` \|/gm)].map((match) => match[1]))
  const missing = [...USAGE_OF_FLAGS.matchAll(/^ {2}--([a-z-]+)/gm)].map((match) => match[1]!)
  assert.deepEqual(
    missing.filter((flag) => flag !== 'config' && !rows.has(flag)),
    [],
  )
})

test('npm scripts and commands exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  assert.deepEqual(
    wrong(named(/\bnpm run ([a-z]+)/g), (name) => name in scripts),
    [],
  )
  const commands = new Set([...usage().matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]!))
  assert.deepEqual(
    wrong(named(/(?:\.\/|`|sudo )skiff ([a-z]+)/g), (name) => commands.has(name) || name === 'help'),
    [],
  )
})
