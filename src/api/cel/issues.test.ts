// Expressions that do not compile, and what is said about them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issuesOf } from './test-facts.ts'

const ISSUES: readonly (readonly [expression: string, issues: string])[] = [
  ['s + 1', "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(string, int)'\n | s + 1\n | ..^"],
  [
    'd.b.startsWith(1)',
    "ERROR: <input>:1:15: found no matching overload for 'startsWith' applied to 'dyn.(int)'\n | d.b.startsWith(1)\n | ..............^",
  ],
  ['9223372036854775808', 'ERROR: <input>:1:1: invalid int literal\n | 9223372036854775808\n | ^'],
  ["[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"],
  [
    "{'a': 1, 'b': 'x'}",
    "ERROR: <input>:1:15: expected type 'int' but found 'string'\n | {'a': 1, 'b': 'x'}\n | ..............^",
  ],
  ['x', "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x\n | ^"],
  ['x.y.z', "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x.y.z\n | ^"],
  ['foo(1)', "ERROR: <input>:1:4: undeclared reference to 'foo' (in container '')\n | foo(1)\n | ...^"],
  ['s.foo()', "ERROR: <input>:1:6: undeclared reference to 'foo' (in container '')\n | s.foo()\n | .....^"],
  [
    's.startsWith(1)',
    "ERROR: <input>:1:13: found no matching overload for 'startsWith' applied to 'string.(int)'\n | s.startsWith(1)\n | ............^",
  ],
  [
    '1 +',
    "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 +\n | ...^",
  ],
  [
    '1 + + 2',
    "ERROR: <input>:1:5: Syntax error: extraneous input '+' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 1 + + 2\n | ....^",
  ],
  ['(1', "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^"],
  [
    "'abc",
    "ERROR: <input>:1:1: Syntax error: token recognition error at: ''abc'\n | 'abc\n | ^\nERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | 'abc\n | ....^",
  ],
  ["'''abc", "ERROR: <input>:1:3: Syntax error: token recognition error at: ''abc'\n | '''abc\n | ..^"],
  [
    '@',
    "ERROR: <input>:1:1: Syntax error: token recognition error at: '@'\n | @\n | ^\nERROR: <input>:1:2: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | @\n | .^",
  ],
  [
    "true ? 1 : 'a'",
    "ERROR: <input>:1:6: found no matching overload for '_?_:_' applied to '(bool, int, string)'\n | true ? 1 : 'a'\n | .....^",
  ],
  ['s == 1', "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(string, int)'\n | s == 1\n | ..^"],
  ["timestamp('bad')", "ERROR: <input>:1:11: invalid timestamp argument\n | timestamp('bad')\n | ..........^"],
  ["s.matches('(')", "ERROR: <input>:1:11: invalid matches argument\n | s.matches('(')\n | ..........^"],
  ["int('x')", "type conversion error from 'string' to 'int'"],
  ['uint(-1)', 'unsigned integer overflow'],
  [
    '1 == 1.0',
    "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, double)'\n | 1 == 1.0\n | ..^",
  ],
  ['Object{}', "ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')\n | Object{}\n | ......^"],
  ['has(d)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(d)\n | ....^'],
  ['l.map(1, x)', 'ERROR: <input>:1:7: argument is not an identifier\n | l.map(1, x)\n | ......^'],
  [
    's.all(x, true)',
    "ERROR: <input>:1:1: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)\n | s.all(x, true)\n | ^",
  ],
  [
    'i.all(x, true)',
    "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | i.all(x, true)\n | ^",
  ],
  [
    'cel.bind(x, 1, x)',
    "ERROR: <input>:1:1: undeclared reference to 'cel' (in container '')\n | cel.bind(x, 1, x)\n | ^\nERROR: <input>:1:9: undeclared reference to 'bind' (in container '')\n | cel.bind(x, 1, x)\n | ........^\nERROR: <input>:1:10: undeclared reference to 'x' (in container '')\n | cel.bind(x, 1, x)\n | .........^\nERROR: <input>:1:16: undeclared reference to 'x' (in container '')\n | cel.bind(x, 1, x)\n | ...............^",
  ],
  ['l.foo', "ERROR: <input>:1:2: type 'list(int)' does not support field selection\n | l.foo\n | .^"],
  ['s.foo', "ERROR: <input>:1:2: type 'string' does not support field selection\n | s.foo\n | .^"],
  ['i.foo', "ERROR: <input>:1:2: type 'int' does not support field selection\n | i.foo\n | .^"],
  [
    "duration('1h') > 1",
    "ERROR: <input>:1:16: found no matching overload for '_>_' applied to '(duration, int)'\n | duration('1h') > 1\n | ...............^",
  ],
  [
    'a.b.c(1)',
    "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')\n | a.b.c(1)\n | ^\nERROR: <input>:1:6: undeclared reference to 'c' (in container '')\n | a.b.c(1)\n | .....^",
  ],
  [
    'math.greatest(1,2)',
    "ERROR: <input>:1:1: undeclared reference to 'math' (in container '')\n | math.greatest(1,2)\n | ^\nERROR: <input>:1:14: undeclared reference to 'greatest' (in container '')\n | math.greatest(1,2)\n | .............^",
  ],
  ["[1, dyn('a')]", "ERROR: <input>:1:8: expected type 'int' but found 'dyn'\n | [1, dyn('a')]\n | .......^"],
  ['[1, null]', "ERROR: <input>:1:5: expected type 'int' but found 'null'\n | [1, null]\n | ....^"],
  ['a b', "ERROR: <input>:1:3: Syntax error: extraneous input 'b' expecting <EOF>\n | a b\n | ..^"],
  ['1 2', "ERROR: <input>:1:3: Syntax error: extraneous input '2' expecting <EOF>\n | 1 2\n | ..^"],
  ['d.a.', "ERROR: <input>:1:5: Syntax error: no viable alternative at input '.'\n | d.a.\n | ....^"],
  ['foo bar', "ERROR: <input>:1:5: Syntax error: extraneous input 'bar' expecting <EOF>\n | foo bar\n | ....^"],
  ['d..a', "ERROR: <input>:1:3: Syntax error: no viable alternative at input '..'\n | d..a\n | ..^"],
  ['[1,2', "ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {']', ','}\n | [1,2\n | ....^"],
  ['{1:2', "ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'}', ','}\n | {1:2\n | ....^"],
  ["s.matches('a{2000}')", "ERROR: <input>:1:11: invalid matches argument\n | s.matches('a{2000}')\n | ..........^"],
  ["s.matches('(?=x)')", "ERROR: <input>:1:11: invalid matches argument\n | s.matches('(?=x)')\n | ..........^"],
  ["s.matches('\\\\1')", "ERROR: <input>:1:11: invalid matches argument\n | s.matches('\\\\1')\n | ..........^"],
  ['size(1)', "ERROR: <input>:1:5: found no matching overload for 'size' applied to '(int)'\n | size(1)\n | ....^"],
  [
    "duration('100000000000h')",
    "ERROR: <input>:1:10: invalid duration argument\n | duration('100000000000h')\n | .........^",
  ],
  [
    "'abc'.reverse()",
    "ERROR: <input>:1:14: found no matching overload for 'reverse' applied to 'string.()'\n | 'abc'.reverse()\n | .............^",
  ],
  [
    "'%v'.format([1])",
    'ERROR: <input>:1:12: could not parse formatting clause: unrecognized formatting clause "v"\n | \'%v\'.format([1])\n | ...........^',
  ],
  [
    "'%d'.format(['a'])",
    "ERROR: <input>:1:14: error during formatting: decimal clause can only be used on integers, was given string\n | '%d'.format(['a'])\n | .............^",
  ],
  [
    "'%f'.format([1])",
    "ERROR: <input>:1:14: error during formatting: fixed-point clause can only be used on doubles, was given int\n | '%f'.format([1])\n | .............^",
  ],
  ["'%s %s'.format(['a'])", "ERROR: <input>:1:15: index 1 out of range\n | '%s %s'.format(['a'])\n | ..............^"],
  [
    "['a'].sum()",
    "ERROR: <input>:1:10: found no matching overload for 'sum' applied to 'list(string).()'\n | ['a'].sum()\n | .........^",
  ],
  [
    "quantity('1k').sub(quantity('2k')).sign()",
    "ERROR: <input>:1:40: found no matching overload for 'sign' applied to 'kubernetes.Quantity.()'\n | quantity('1k').sub(quantity('2k')).sign()\n | .......................................^",
  ],
  [
    'format.int32()',
    "ERROR: <input>:1:1: undeclared reference to 'format' (in container '')\n | format.int32()\n | ^\nERROR: <input>:1:13: undeclared reference to 'int32' (in container '')\n | format.int32()\n | ............^",
  ],
  [
    "jsonpatch.escapeKey('a/b~c')",
    "ERROR: <input>:1:1: undeclared reference to 'jsonpatch' (in container '')\n | jsonpatch.escapeKey('a/b~c')\n | ^\nERROR: <input>:1:20: undeclared reference to 'escapeKey' (in container '')\n | jsonpatch.escapeKey('a/b~c')\n | ...................^",
  ],
  [
    "JSONPatch{op: 'add'}",
    "ERROR: <input>:1:10: undeclared reference to 'JSONPatch' (in container '')\n | JSONPatch{op: 'add'}\n | .........^",
  ],
  [
    '[1,[2,[3]]].flatten()',
    "ERROR: <input>:1:4: expected type 'int' but found 'list(dyn)'\n | [1,[2,[3]]].flatten()\n | ...^\nERROR: <input>:1:7: expected type 'int' but found 'list(int)'\n | [1,[2,[3]]].flatten()\n | ......^",
  ],
  [
    'true || false && 1',
    "ERROR: <input>:1:18: expected type 'bool' but found 'int'\n | true || false && 1\n | .................^",
  ],
  ['!1', "ERROR: <input>:1:1: found no matching overload for '!_' applied to '(int)'\n | !1\n | ^"],
  ["-'a'", "ERROR: <input>:1:1: found no matching overload for '-_' applied to '(string)'\n | -'a'\n | ^"],
  ['1 in 2', "ERROR: <input>:1:3: found no matching overload for '@in' applied to '(int, int)'\n | 1 in 2\n | ..^"],
  [
    '[1,2].exists(1, true)',
    'ERROR: <input>:1:14: argument must be a simple name\n | [1,2].exists(1, true)\n | .............^',
  ],
  [
    "'a'.matches(i)",
    "ERROR: <input>:1:12: found no matching overload for 'matches' applied to 'string.(int)'\n | 'a'.matches(i)\n | ...........^",
  ],
  [
    "{1u: 'a'}[1]",
    "ERROR: <input>:1:10: found no matching overload for '_[_]' applied to '(map(uint, string), int)'\n | {1u: 'a'}[1]\n | .........^",
  ],
  [
    "[0,1]['a']",
    "ERROR: <input>:1:6: found no matching overload for '_[_]' applied to '(list(int), string)'\n | [0,1]['a']\n | .....^",
  ],
  [
    "l['a']",
    "ERROR: <input>:1:2: found no matching overload for '_[_]' applied to '(list(int), string)'\n | l['a']\n | .^",
  ],
  [
    "'abc'[0]",
    "ERROR: <input>:1:6: found no matching overload for '_[_]' applied to '(string, int)'\n | 'abc'[0]\n | .....^",
  ],
  ["string(b'\\xff')", 'invalid UTF-8 in bytes, cannot convert to string'],
  ["int('9223372036854775808')", "type conversion error from 'string' to 'int'"],
  ['int(9.3e18)', 'integer overflow'],
  [
    "timestamp('2024-01-02')",
    "ERROR: <input>:1:11: invalid timestamp argument\n | timestamp('2024-01-02')\n | ..........^",
  ],
  [
    '[1] == [1.0]',
    "ERROR: <input>:1:5: found no matching overload for '_==_' applied to '(list(int), list(double))'\n | [1] == [1.0]\n | ....^",
  ],
  [
    "'\\d'",
    "ERROR: <input>:1:1: Syntax error: token recognition error at: ''\\d'\n | '\\d'\n | ^\nERROR: <input>:1:4: Syntax error: token recognition error at: '''\n | '\\d'\n | ...^\nERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | '\\d'\n | ....^",
  ],
  [
    "'\\u00'",
    "ERROR: <input>:1:1: Syntax error: token recognition error at: ''\\u00''\n | '\\u00'\n | ^\nERROR: <input>:1:7: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | '\\u00'\n | ......^",
  ],
  ['1.e5', "ERROR: <input>:1:2: type 'int' does not support field selection\n | 1.e5\n | .^"],
  [
    '1 ? 2 : 3',
    "ERROR: <input>:1:3: found no matching overload for '_?_:_' applied to '(int, int, int)'\n | 1 ? 2 : 3\n | ..^",
  ],
  ['x.all(y, y)', "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x.all(y, y)\n | ^"],
  ['l.all(x.y, true)', 'ERROR: <input>:1:8: argument must be a simple name\n | l.all(x.y, true)\n | .......^'],
  [
    'l.all(x)',
    "ERROR: <input>:1:6: undeclared reference to 'all' (in container '')\n | l.all(x)\n | .....^\nERROR: <input>:1:7: undeclared reference to 'x' (in container '')\n | l.all(x)\n | ......^",
  ],
  ['format.named', "ERROR: <input>:1:1: undeclared reference to 'format' (in container '')\n | format.named\n | ^"],
  [
    "format('a')",
    "ERROR: <input>:1:7: found no matching overload for 'format' applied to '(string)'\n | format('a')\n | ......^",
  ],
  ["s.find('[')", 'error parsing regexp: missing closing ]: `[`'],
  [
    'base64.decode(s)',
    "ERROR: <input>:1:1: undeclared reference to 'base64' (in container '')\n | base64.decode(s)\n | ^\nERROR: <input>:1:14: undeclared reference to 'decode' (in container '')\n | base64.decode(s)\n | .............^",
  ],
]

for (const [expression, issues] of ISSUES) {
  test(`${expression} does not compile`, () => {
    assert.equal(issuesOf(expression), issues)
  })
}
