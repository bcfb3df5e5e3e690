import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UserInfo } from '../../api/wire.ts'
import { type Attributes, denialSentence } from '../authz/attributes.ts'
import { parseRequestInfo } from '../request-info.ts'
import { impersonate } from './impersonation.ts'

const bob: UserInfo = { name: 'bob', groups: ['system:authenticated'] }
const attributes = () => parseRequestInfo('GET', '/api/v1/namespaces/blue/pods', new URLSearchParams())
const wordOf = (a: Attributes) => [a.verb, a.group, a.resource, a.subresource, a.namespace, a.name].join('|')

/** Acts with headers given as pairs; `may` are the words of what is allowed, undefined allows all. */
async function act(pairs: readonly (readonly [string, string])[], may?: readonly string[], who: UserInfo = bob) {
  const asked: string[] = []
  const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]))
  const user = impersonate(who, { headers, rawHeaders: pairs.flat(), attributes }, (requestor, asking) => {
    asked.push(wordOf(asking))
    const allowed = may === undefined || may.includes(wordOf(asking))
    return { allowed, reason: allowed ? '' : denialSentence(requestor, asking) }
  })
  return { user: await user, asked }
}
const legacy = (...words: string[]) => words.map((word) => `impersonate|${word}`)

describe('impersonation', () => {
  it('without headers everybody is themselves', async () => {
    assert.equal((await act([['Accept', 'x']])).user, bob)
  })

  it('each part is authorised and becomes part of the user', async () => {
    const pairs = [
      ['Impersonate-User', 'jane'],
      ['Impersonate-Group', 'dev'],
      ['Impersonate-Group', 'a, b'],
      ['Impersonate-Uid', '7'],
      ['Impersonate-Extra-Example.com%2FScope', 'x'],
      ['Impersonate-Extra-example.com%2fscope', 'y'],
    ] as const
    const may = legacy(
      '|users|||jane',
      'authentication.k8s.io|uids|||7',
      '|groups|||dev',
      '|groups|||a, b',
      'authentication.k8s.io|userextras|example.com/scope||x',
    )
    const all = [
      ...legacy('|users|||jane', 'authentication.k8s.io|uids|||7', '|groups|||dev', '|groups|||a, b'),
      ...['x', 'y'].map((value) => `impersonate|authentication.k8s.io|userextras|example.com/scope||${value}`),
    ]
    await assert.rejects(act(pairs, may), { code: 403 })
    const { user, asked } = await act(pairs, all)
    assert.deepEqual(user, {
      name: 'jane',
      uid: '7',
      groups: ['dev', 'a, b', 'system:authenticated'],
      extra: { 'example.com/scope': ['x', 'y'] },
    })
    assert.deepEqual(asked, ['impersonate-on:user-info:list||pods||blue|', ...all])
  })

  it('whoever may act as a user for one verb only, may do just that', async () => {
    const pairs = [
      ['Impersonate-User', 'jane'],
      ['Impersonate-Group', 'dev'],
    ] as const
    const may = [
      'impersonate-on:user-info:list||pods||blue|',
      'impersonate:user-info|authentication.k8s.io|users|||jane',
      'impersonate:user-info|authentication.k8s.io|groups|||dev',
    ]
    assert.equal((await act(pairs, may)).user.name, 'jane')
    await assert.rejects(act(pairs, may.slice(1)), {
      code: 403,
      message:
        'pods is forbidden: User "bob" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "blue"',
    })
    const masters = [pairs[0], ['Impersonate-Group', 'system:masters']] as const
    await assert.rejects(act(masters, may.slice(0, 2)), {
      message:
        /^groups\.authentication\.k8s\.io "system:masters" is forbidden: .*: impersonating the system:masters group is not allowed$/,
    })
    assert.deepEqual(
      (await act(masters)).user.groups,
      ['system:masters', 'system:authenticated'],
      'the old way allows it',
    )
  })

  it('service accounts and nodes have their groups', async () => {
    const account = [['Impersonate-User', 'system:serviceaccount:blue:builder']] as const
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:blue', 'system:authenticated']
    const { user, asked } = await act(account)
    assert.deepEqual(user.groups, groups)
    assert.deepEqual(asked, [
      'impersonate-on:serviceaccount:list||pods||blue|',
      'impersonate:serviceaccount|authentication.k8s.io|serviceaccounts||blue|builder',
    ])
    assert.deepEqual((await act(account, legacy('|serviceaccounts||blue|builder'))).user.groups, groups)
    const node = [['Impersonate-User', 'system:node:n1']] as const
    assert.deepEqual((await act(node)).user.groups, ['system:nodes', 'system:authenticated'])
    assert.deepEqual((await act(node, legacy('|users|||system:node:n1'))).user.groups, ['system:authenticated'])
    assert.deepEqual((await act([['Impersonate-User', 'system:anonymous']])).user.groups, ['system:unauthenticated'])
  })

  it('an account may act as the node it runs on', async () => {
    const agent = {
      name: 'system:serviceaccount:kube-system:agent',
      groups: [],
      extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
    }
    const may = [
      'impersonate-on:associated-node:list||pods||blue|',
      'impersonate:associated-node|authentication.k8s.io|nodes|||*',
    ]
    assert.equal((await act([['Impersonate-User', 'system:node:n1']], may, agent)).user.name, 'system:node:n1')
    await assert.rejects(act([['Impersonate-User', 'system:node:n2']], may, agent), { code: 403 })
  })

  it('a group without a user makes no sense, and names are UTF-8', async () => {
    await assert.rejects(act([['Impersonate-Group', 'system:masters']]), {
      code: 400,
      message:
        'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"system:masters"}, Extra:map[string][]string(nil)} without impersonating a user name',
    })
    const latin = Buffer.from('jürgen').toString('latin1')
    assert.equal((await act([['Impersonate-User', latin]])).user.name, 'jürgen')
  })
})
