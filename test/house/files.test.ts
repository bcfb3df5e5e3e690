// What would be said twice in review about files: names, headers, size, marks of unfinished work, output past the log.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const sources = globSync(['src/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts'], { cwd: root }).filter(
  (f) => !f.startsWith('src/api/types/'),
)
const read = (file: string) => readFileSync(join(root, file), 'utf8')
/** Tests are lists of cases, and tables of words are data: both may be longer. */
const MOST_LINES = { code: 450, cases: 600, words: 1000 }

test('file names are kebab-case nouns', () => {
  const odd = sources.filter(
    (f) =>
      !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.e2e)?\.ts$/.test(basename(f)) ||
      /(^|\/)(utils?|helpers?|manager|index)\.ts$/.test(f),
  )
  assert.deepEqual(odd, [])
})

test('every file says at its top what it is', () => {
  // A kind's file is its declaration; the declaration says what it is.
  const silent = sources.filter(
    (f) =>
      !f.startsWith('src/api/kinds/') &&
      !f.endsWith('.test.ts') &&
      !read(f).startsWith('// ') &&
      !read(f).startsWith('#!'),
  )
  assert.deepEqual(silent, [])
})

test('no file is longer than one subject needs', () => {
  const most = (file: string) =>
    file.endsWith('/descriptions.ts')
      ? MOST_LINES.words
      : /\.(test|e2e)\.ts$/.test(file)
        ? MOST_LINES.cases
        : MOST_LINES.code
  assert.deepEqual(
    sources.filter((f) => read(f).split('\n').length > most(f)),
    [],
  )
})

test('nothing is left unfinished', () => {
  const marks = new RegExp(['TO', 'DO|FIX', 'ME|X', 'XX\\b|not (yet )?imple', 'mented'].join(''))
  assert.deepEqual(
    sources.filter((f) => marks.test(read(f))),
    [],
  )
  const skipped = new RegExp(['\\b(it|test|describe)\\.(sk', 'ip|to', 'do|on', 'ly)\\b'].join(''))
  assert.deepEqual(
    sources.filter((f) => skipped.test(read(f))),
    [],
  )
})

test('only the command line prints; everything else logs', () => {
  const printing = sources.filter(
    (f) =>
      f.startsWith('src/') &&
      !/^src\/(cli\/|main\.ts)|\.test\.ts$/.test(f) &&
      /\bconsole\.|process\.std(out|err)\.write/.test(read(f)),
  )
  assert.deepEqual(printing, [])
})

test('time and randomness of components come in through parameters', () => {
  const clocked = /^src\/(scheduler|controllers|agent|proxy)\//
  const direct = sources.filter(
    (f) =>
      clocked.test(f) &&
      !/(\.test|\/test-[a-z-]+)\.ts$/.test(f) &&
      /\bsetInterval\(|\bDate\.now\(\)|\bMath\.random\(\)/.test(read(f)),
  )
  assert.deepEqual(direct, [])
})
