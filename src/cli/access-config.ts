// Who may come in and what they may do, as the operator's files say it: static tokens, an AuthenticationConfiguration, an
// AuthorizationConfiguration. Read at the server's start; a file that is wrong stops it, with the file and the field.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseAuthenticationConfiguration } from '../apiserver/authn/authentication-config.ts'
import { oidcAuthenticator } from '../apiserver/authn/oidc.ts'
import { DEFAULT_ISSUER } from '../apiserver/authn/service-account-claims.ts'
import type { AuthenticationOptions } from '../apiserver/authn/setup.ts'
import { parseStaticTokens } from '../apiserver/authn/static-tokens.ts'
import { parseAuthorizationConfiguration, type WebhookSettings } from '../apiserver/authz/authorization-config.ts'
import type { ChainLink } from '../apiserver/authz/authorizer.ts'
import { type SendReview, WebhookAuthorizer } from '../apiserver/authz/webhook-authorizer.ts'
import { ConfigurationError } from '../apiserver/config-reader.ts'
import type { Store } from '../apiserver/storage/store.ts'
import type { Clock } from '../base/clock.ts'
import { loadYaml } from '../base/yaml.ts'
import { parseKubeconfig, resolveKubeconfig } from '../client/kubeconfig.ts'
import { CliError, type Config } from './config.ts'
import { fileProblem } from './file-problem.ts'

export interface AccessOptions {
  readonly authentication?: AuthenticationOptions
  readonly authorization?: readonly ChainLink[]
}

interface Parts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
}

type Files = Pick<Config, 'tokenAuthFile' | 'authenticationConfig' | 'authorizationConfig'>

/** @throws CliError */
export async function accessOptions(files: Files, parts: Parts): Promise<AccessOptions> {
  const { tokenAuthFile, authenticationConfig, authorizationConfig } = files
  const needed = authenticationConfig || authorizationConfig
  const compile = needed ? (await import('../apiserver/cel-expression.ts')).compileExpression : undefined
  const authentication: { -readonly [K in keyof AuthenticationOptions]: AuthenticationOptions[K] } = {}
  if (tokenAuthFile) {
    authentication.staticTokens = read('token-auth-file', tokenAuthFile, (text) => parseStaticTokens(text))
  }
  if (authenticationConfig) {
    const { issuers, anonymous } = read('authentication-config', authenticationConfig, (text) =>
      parseAuthenticationConfiguration(yaml(text), compile, [DEFAULT_ISSUER]),
    )
    authentication.tokenAuthenticators = (audiences) =>
      issuers.map((issuer) => oidcAuthenticator(issuer, parts.clock, audiences))
    if (anonymous !== undefined) authentication.anonymous = anonymous
  }
  if (!authorizationConfig) return { authentication }
  const links = read('authorization-config', authorizationConfig, (text) =>
    parseAuthorizationConfiguration(yaml(text), compile),
  )
  const authorization = await Promise.all(
    links.map(async (link) => {
      if (typeof link === 'string') return link
      return new WebhookAuthorizer(link, await sender(link, authorizationConfig, parts), parts.clock)
    }),
  )
  return { authentication, authorization }
}

function read<T>(flag: string, path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (err) {
    throw new CliError(`--${flag} ${path}: ${fileProblem(err)}`)
  }
}

function yaml(text: string): unknown {
  try {
    return loadYaml().parse(text, { maxAliasCount: 0, logLevel: 'error' })
  } catch (err) {
    throw new ConfigurationError([`it is not YAML: ${(err as Error).message.split('\n')[0]}`])
  }
}

/** Calls the service that the webhook's kubeconfig names. @throws CliError */
async function sender(settings: WebhookSettings, path: string, parts: Parts): Promise<SendReview> {
  const { kubeConfigFile: file, name, timeoutMs } = settings
  const fail = (why: string) =>
    new CliError(`--authorization-config ${path}: authorizer ${JSON.stringify(name)}: ${why}`)
  if (!file) {
    throw fail(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    )
  }
  const { options } = await (async () => {
    try {
      return await resolveKubeconfig(parseKubeconfig(readFileSync(file, 'utf8')), dirname(file))
    } catch (err) {
      throw fail(`kubeConfigFile ${file}: ${fileProblem(err)}`)
    }
  })()
  const { WebhookClient } = await import('../apiserver/webhooks/client.ts')
  const client = new WebhookClient(parts)
  const never = new AbortController().signal
  return async (review) => {
    const pair = await options.clientCertificate?.()
    const token = options.token ?? (options.tokenFile && readFileSync(options.tokenFile, 'utf8').trim())
    const credentials = {
      ...(pair ?? {}),
      ...(token ? { token } : {}),
      ...(options.ca ? { ca: options.ca } : {}),
      ...(options.serverName ? { serverName: options.serverName } : {}),
      ...(options.insecureSkipTlsVerify ? { insecure: true } : {}),
    }
    return client.post({ url: options.server }, review, { timeoutMs, signal: never, credentials, tellTimeout: false })
  }
}
