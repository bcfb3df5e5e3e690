import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { userFrom } from './authn/oidc.ts'
import { compileExpression } from './cel-expression.ts'

const claims = (source: string) => ({ expression: compileExpression(source, ['claims']), source })
const user = (source: string) => ({ expression: compileExpression(source, ['user']), source, message: '' })

describe('expressions of configuration files', () => {
  it('make users of claims', () => {
    const issuer = {
      url: 'https://issuer.example.com',
      audiences: ['app'],
      username: claims('claims.email.split("@")[0] + ":oidc"'),
      groups: claims('claims.roles.split(",")'),
      uid: claims('claims.sub'),
      extra: [{ key: 'example.com/tenant', expression: compileExpression('claims.tenant', ['claims']) }],
      claimRules: [{ ...claims('claims.hd == "example.com"'), message: 'wrong domain' }],
      userRules: [user('!user.username.startsWith("system:")')],
    }
    const token = { email: 'jane@example.com', roles: 'dev,ops', sub: '7', tenant: 'blue', hd: 'example.com' }
    assert.deepEqual(userFrom(issuer, token), {
      name: 'jane:oidc',
      uid: '7',
      groups: ['dev', 'ops'],
      extra: { 'example.com/tenant': ['blue'] },
    })
    assert.throws(() => userFrom(issuer, { ...token, hd: 'evil.com' }), /: wrong domain$/)
    assert.throws(
      () => userFrom(issuer, { ...token, email: 'system:admin@x' }),
      /validation expression '!user\.username\.startsWith\("system:"\)' failed/,
    )
  })

  it('speak of questions of access', () => {
    const condition = compileExpression('has(request.resourceAttributes) && request.user != "jane"', ['request'])
    assert.equal(condition.evaluate({ request: { user: 'bob', resourceAttributes: { verb: 'get' } } }), true)
    assert.equal(condition.evaluate({ request: { user: 'bob', nonResourceAttributes: { path: '/' } } }), false)
    assert.throws(() => compileExpression('request.nonsense', ['request']), /compilation failed/)
  })
})
