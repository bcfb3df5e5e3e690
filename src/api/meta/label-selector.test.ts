import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  everything,
  formatLabelSelector,
  formatSelector,
  fromLabelSelector,
  fromMap,
  matches,
  parseSelector,
  selects,
} from './label-selector.ts'

const cases: [string, Record<string, string>, boolean][] = [
  ['', {}, true],
  ['a=b', { a: 'b' }, true],
  ['a==b', { a: 'c' }, false],
  ['a!=b', {}, true],
  ['a in (x, y)', { a: 'y' }, true],
  ['a notin (x,y)', { a: 'y' }, false],
  ['a notin (x,y)', {}, true],
  ['a', { a: '' }, true],
  ['!a', { a: '' }, false],
  ['a=,b', { a: '', b: '1' }, true],
  ['n>5', { n: '10' }, true],
  ['n<5', { n: '10' }, false],
  ['n>5', { n: 'many' }, false],
  ['example.com/role in (),b', { b: '' }, false],
  ['constructor', {}, false],
]
test('textual selectors match labels', () => {
  for (const [text, labels, wanted] of cases) {
    assert.equal(matches(parseSelector(text), labels), wanted, `${text} on ${JSON.stringify(labels)}`)
  }
})

test('what cannot be read is a 400 that says where', () => {
  for (const bad of ['a=b,', '=b', 'a in x', 'a in (x', 'a b', '!', 'n>x', 'a/b/c=d', 'a=b=c', ',']) {
    assert.throws(() => parseSelector(bad), { code: 400 }, bad)
  }
  const told: [string, string][] = [
    ['a in x', "unable to parse requirement: found 'x' expected: '('"],
    ['a in (x', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a in (', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    ['=b', "found '=', expected: !, identifier, or 'end of string'"],
    ['a=b,', "found '', expected: identifier after ','"],
    ['a in (b,-c)', 'unable to parse requirement: values[0][a]: Invalid value: "-c": a valid label must be'],
    ['a/b/c=d', 'unable to parse requirement: <nil>: Invalid value: "a/b/c": a valid label key must consist of'],
  ]
  for (const [text, message] of told) {
    assert.throws(
      () => parseSelector(text),
      (err: Error) => err.message.startsWith(message),
      text,
    )
  }
})

test('selectors are written back in order of their keys', () => {
  assert.equal(formatSelector(parseSelector('b in (y,x),a=1,!c,d!=2')), 'a=1,b in (x,y),!c,d!=2')
  assert.equal(
    formatLabelSelector({ matchLabels: { z: '1' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] }),
    'a,z=1',
  )
  assert.equal(formatLabelSelector({}), '<none>')
})

test('no selector selects nothing, an empty one everything', () => {
  assert.equal(selects(undefined, { a: 'b' }), false)
  assert.equal(selects({}, { a: 'b' }), true)
  assert.equal(matches(everything, undefined), true)
  assert.equal(matches(fromMap({ a: 'b' }), { a: 'b', c: 'd' }), true)
  assert.throws(() => fromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Near' }] }), {
    message: '"Near" is not a valid label selector operator',
  })
})
