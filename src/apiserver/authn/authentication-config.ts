// An AuthenticationConfiguration (apiserver.config.k8s.io) read and checked: JWT issuers, and who may come without a credential. Pure;
// k8s: fields, rules and messages are kube-apiserver's.
import { dnsSubdomain } from '../../api/meta/names.ts'
import { ConfigReader, type Fields } from '../config-reader.ts'
import type { CompileExpression, Expression } from '../expression.ts'
import type { Anonymous } from './authenticator.ts'
import type { ClaimRule, JwtIssuer, Mapping } from './oidc.ts'

export interface AuthenticationConfig {
  readonly issuers: readonly JwtIssuer[]
  /** Undefined: the default. */
  readonly anonymous: Anonymous | undefined
}

const VERSIONS = ['v1', 'v1beta1', 'v1alpha1']
const MAX_ISSUERS = 64

/**
 * @param compile undefined when expressions are not understood here. @param ownIssuers of service accounts: no other may be called the
 * same. @throws ConfigurationError
 */
export function parseAuthenticationConfiguration(
  document: unknown,
  compile: CompileExpression | undefined,
  ownIssuers: readonly string[] = [],
): AuthenticationConfig {
  const { fields, reader } = ConfigReader.open(document, 'AuthenticationConfiguration', VERSIONS)
  reader.only('', fields, ['apiVersion', 'kind', 'jwt', 'anonymous'])
  const parser = new Parser(reader, compile, ownIssuers)
  const list = reader.list('jwt', fields['jwt'])
  if (list.length > MAX_ISSUERS)
    reader.problems.push(`jwt: Too many: ${list.length}: must have at most ${MAX_ISSUERS} items`)
  const issuers = list.map((entry, i) => parser.issuer(`jwt[${i}]`, reader.object(`jwt[${i}]`, entry)))
  for (const field of ['url', 'discoveryUrl'] as const) {
    issuers.forEach((issuer, i) => {
      const value = issuer[field]
      const at = `jwt[${i}].issuer.${field === 'url' ? 'url' : 'discoveryURL'}`
      if (value && issuers.findIndex((other) => other[field] === value) < i) reader.duplicate(at, value)
    })
  }
  const anonymous = fields['anonymous'] === undefined ? undefined : anonymousOf(reader, fields['anonymous'])
  reader.finish()
  return { issuers, anonymous }
}

function anonymousOf(reader: ConfigReader, value: unknown): Anonymous {
  const fields = reader.object('anonymous', value)
  reader.only('anonymous', fields, ['enabled', 'conditions'])
  const enabled = fields['enabled'] === true
  const conditions = reader.list('anonymous.conditions', fields['conditions'])
  if (!enabled && conditions.length > 0) {
    reader.invalid('anonymous.conditions', conditions, 'enabled should be set to true when conditions are defined')
  }
  if (!enabled || conditions.length === 0) return enabled
  return new Set(
    conditions.map((condition, i) => {
      const at = `anonymous.conditions[${i}]`
      const path = reader.text(`${at}.path`, reader.object(at, condition)['path'])
      if (path === '') reader.required(`${at}.path`)
      return path
    }),
  )
}

class Parser {
  readonly #reader: ConfigReader
  readonly #compile: CompileExpression | undefined
  readonly #ownIssuers: readonly string[]

  constructor(reader: ConfigReader, compile: CompileExpression | undefined, ownIssuers: readonly string[]) {
    this.#reader = reader
    this.#compile = compile
    this.#ownIssuers = ownIssuers
  }

  issuer(path: string, fields: Fields): JwtIssuer {
    const reader = this.#reader
    reader.only(path, fields, ['issuer', 'claimMappings', 'claimValidationRules', 'userValidationRules'])
    const at = `${path}.issuer`
    const issuer = reader.object(at, fields['issuer'])
    reader.only(at, issuer, [
      'url',
      'discoveryURL',
      'certificateAuthority',
      'audiences',
      'audienceMatchPolicy',
      'egressSelectorType',
    ])
    const url = this.#url(`${at}.url`, issuer['url'], true)
    if (this.#ownIssuers.includes(url)) {
      reader.invalid(`${at}.url`, url, `URL must not overlap with disallowed issuers: [${this.#ownIssuers.join(' ')}]`)
    }
    const discoveryUrl = this.#url(`${at}.discoveryURL`, issuer['discoveryURL'], false)
    if (discoveryUrl && discoveryUrl.replace(/\/$/, '') === url.replace(/\/$/, '')) {
      reader.invalid(`${at}.discoveryURL`, discoveryUrl, 'discoveryURL must be different from URL')
    }
    const ca = reader.text(`${at}.certificateAuthority`, issuer['certificateAuthority'])
    if (ca && !/-----BEGIN CERTIFICATE-----/.test(ca)) {
      reader.invalid(
        `${at}.certificateAuthority`,
        '<omitted>',
        'data does not contain any valid RSA or ECDSA certificates',
      )
    }
    const audiences = this.#audiences(at, issuer)
    const mappings = reader.object(`${path}.claimMappings`, fields['claimMappings'])
    reader.only(`${path}.claimMappings`, mappings, ['username', 'groups', 'uid', 'extra'])
    const username = this.#mapping(`${path}.claimMappings.username`, mappings['username'], true)
    const groups =
      mappings['groups'] === undefined
        ? undefined
        : this.#mapping(`${path}.claimMappings.groups`, mappings['groups'], true)
    const uid =
      mappings['uid'] === undefined ? undefined : this.#mapping(`${path}.claimMappings.uid`, mappings['uid'], false)
    return {
      url,
      ...(discoveryUrl ? { discoveryUrl } : {}),
      ...(ca ? { certificateAuthority: ca } : {}),
      audiences,
      username: username ?? { claim: '', prefix: '' },
      ...(groups ? { groups } : {}),
      ...(uid ? { uid } : {}),
      extra: this.#extra(`${path}.claimMappings.extra`, mappings['extra']),
      claimRules: this.#claimRules(`${path}.claimValidationRules`, fields['claimValidationRules']),
      userRules: this.#userRules(`${path}.userValidationRules`, fields['userValidationRules']),
    }
  }

  #url(path: string, value: unknown, needed: boolean): string {
    const reader = this.#reader
    const text = reader.text(path, value)
    if (text === '') {
      if (needed) reader.required(path)
      return ''
    }
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (!url) reader.invalid(path, text, 'must be a URL')
    else if (url.protocol !== 'https:') reader.invalid(path, text, 'URL scheme must be https')
    else if (url.username || url.password) reader.invalid(path, text, 'URL must not contain a username or password')
    else if (text.includes('?')) reader.invalid(path, text, 'URL must not contain a query')
    else if (text.includes('#')) reader.invalid(path, text, 'URL must not contain a fragment')
    return text
  }

  #audiences(at: string, issuer: Fields): string[] {
    const reader = this.#reader
    const list = reader.list(`${at}.audiences`, issuer['audiences'])
    if (list.length === 0) reader.required(`${at}.audiences`, `at least one ${at}.audiences is required`)
    const audiences = list.map((value, i) => {
      const text = reader.text(`${at}.audiences[${i}]`, value)
      if (text === '') reader.required(`${at}.audiences[${i}]`)
      else if (list.indexOf(value) < i) reader.duplicate(`${at}.audiences[${i}]`, text)
      return text
    })
    const policy = reader.text(`${at}.audienceMatchPolicy`, issuer['audienceMatchPolicy'])
    if (audiences.length > 1 && policy !== 'MatchAny') {
      reader.invalid(`${at}.audienceMatchPolicy`, policy, 'audienceMatchPolicy must be MatchAny for multiple audiences')
    } else if (policy !== '' && policy !== 'MatchAny') {
      reader.invalid(
        `${at}.audienceMatchPolicy`,
        policy,
        'audienceMatchPolicy must be empty or MatchAny for single audience',
      )
    }
    return audiences
  }

  /** @param prefixed whether a claim needs a prefix beside it */
  #mapping(path: string, value: unknown, prefixed: boolean): Mapping | undefined {
    const reader = this.#reader
    const fields = reader.object(path, value)
    reader.only(path, fields, prefixed ? ['claim', 'prefix', 'expression'] : ['claim', 'expression'])
    const claim = reader.text(`${path}.claim`, fields['claim'])
    const source = reader.text(`${path}.expression`, fields['expression'])
    const { prefix } = fields
    if (claim && source) reader.invalid(path, '', "claim and expression can't both be set")
    else if (!claim && !source) reader.required(path, 'claim or expression is required')
    else if (source) {
      if (prefix !== undefined) reader.invalid(`${path}.prefix`, prefix, 'may not be specified when expression is set')
      const expression = this.#expression(`${path}.expression`, source, ['claims'])
      return expression && { expression, source }
    } else {
      if (prefixed && typeof prefix !== 'string') {
        reader.required(
          `${path}.prefix`,
          'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
        )
      }
      return { claim, prefix: typeof prefix === 'string' ? prefix : '' }
    }
    return undefined
  }

  #extra(path: string, value: unknown): JwtIssuer['extra'] {
    const reader = this.#reader
    const seen = new Set<string>()
    return reader.list(path, value).flatMap((entry, i) => {
      const at = `${path}[${i}]`
      const fields = reader.object(at, entry)
      reader.only(at, fields, ['key', 'valueExpression'])
      const key = reader.text(`${at}.key`, fields['key'])
      const [domain = '', ...rest] = key.split('/')
      if (key === '') reader.required(`${at}.key`)
      else if (rest.join('/') === '' || dnsSubdomain(domain).length > 0) {
        reader.invalid(`${at}.key`, key, 'must be a domain-prefixed path (such as "acme.io/foo")')
      } else if (key !== key.toLowerCase()) reader.invalid(`${at}.key`, key, 'must be lowercase')
      else if (/(^|\.)(k8s|kubernetes)\.io$/.test(domain)) {
        const why = 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'
        reader.invalid(`${at}.key`, key, why)
      } else if (seen.has(key)) reader.duplicate(`${at}.key`, key)
      seen.add(key)
      const source = reader.text(`${at}.valueExpression`, fields['valueExpression'])
      if (source === '') reader.required(`${at}.valueExpression`)
      const expression = source ? this.#expression(`${at}.valueExpression`, source, ['claims']) : undefined
      return expression ? [{ key, expression }] : []
    })
  }

  #claimRules(path: string, value: unknown): ClaimRule[] {
    const reader = this.#reader
    const seen = new Set<string>()
    return reader.list(path, value).flatMap((entry, i): ClaimRule[] => {
      const at = `${path}[${i}]`
      const fields = reader.object(at, entry)
      reader.only(at, fields, ['claim', 'requiredValue', 'expression', 'message'])
      const of = (name: string) => reader.text(`${at}.${name}`, fields[name])
      const [claim, requiredValue, source, message] = [
        of('claim'),
        of('requiredValue'),
        of('expression'),
        of('message'),
      ]
      if (claim && source) reader.invalid(at, claim, "claim and expression can't both be set")
      else if (!claim && !source) reader.required(at, 'claim or expression is required')
      else if (claim) {
        if (message) reader.invalid(`${at}.message`, message, 'may not be specified when claim is set')
        if (seen.has(`claim ${claim}`)) reader.duplicate(`${at}.claim`, claim)
        seen.add(`claim ${claim}`)
        return [{ claim, requiredValue }]
      } else {
        if (requiredValue)
          reader.invalid(`${at}.requiredValue`, requiredValue, 'may not be specified when expression is set')
        if (seen.has(source)) reader.duplicate(`${at}.expression`, source)
        seen.add(source)
        const expression = this.#expression(`${at}.expression`, source, ['claims'])
        return expression ? [{ expression, source, message }] : []
      }
      return []
    })
  }

  #userRules(path: string, value: unknown): JwtIssuer['userRules'] {
    const reader = this.#reader
    const seen = new Set<string>()
    return reader.list(path, value).flatMap((entry, i) => {
      const at = `${path}[${i}]`
      const fields = reader.object(at, entry)
      reader.only(at, fields, ['expression', 'message'])
      const source = reader.text(`${at}.expression`, fields['expression'])
      const message = reader.text(`${at}.message`, fields['message'])
      if (source === '') reader.required(`${at}.expression`)
      else if (seen.has(source)) reader.duplicate(`${at}.expression`, source)
      seen.add(source)
      const expression = source ? this.#expression(`${at}.expression`, source, ['user']) : undefined
      return expression ? [{ expression, source, message }] : []
    })
  }

  #expression(path: string, source: string, variables: readonly string[]): Expression | undefined {
    try {
      if (!this.#compile) throw new Error('expressions are not understood by this server')
      return this.#compile(source, variables)
    } catch (err) {
      this.#reader.invalid(path, source, (err as Error).message)
      return undefined
    }
  }
}
