// Who may come in and what they may do, as the operator's files say it: static tokens, an AuthenticationConfiguration, a token webhook, an
// AuthorizationConfiguration. Read at the server's start; a file that is wrong stops it, with the file and the field.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseAuthenticationConfiguration } from '../apiserver/authn/authentication-config.ts'
import { oidcAuthenticator } from '../apiserver/authn/oidc.ts'
import { DEFAULT_ISSUER } from '../apiserver/authn/service-account-claims.ts'
import type { AuthenticationOptions } from '../apiserver/authn/setup.ts'
import { parseStaticTokens } from '../apiserver/authn/static-tokens.ts'
import { tokenWebhook } from '../apiserver/authn/token-webhook.ts'
import { parseAuthorizationConfiguration, type WebhookSettings } from '../apiserver/authz/authorization-config.ts'
import type { ChainLink } from '../apiserver/authz/authorizer.ts'
import { WebhookAuthorizer } from '../apiserver/authz/webhook-authorizer.ts'
import { ConfigurationError } from '../apiserver/config-reader.ts'
import type { Store } from '../apiserver/storage/store.ts'
import type { SendReview } from '../apiserver/webhooks/persistently.ts'
import type { Clock } from '../base/clock.ts'
import { loadYaml } from '../base/yaml.ts'
import { parseKubeconfig, resolveKubeconfig } from '../client/kubeconfig.ts'
import { CliError, type Config } from './config.ts'
import { fileProblem } from './file-problem.ts'

export interface AccessOptions {
  readonly authentication?: AuthenticationOptions
  readonly authorization?: readonly ChainLink[]
}

export interface AccessParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
}

export type AccessFiles = Pick<
  Config,
  | 'tokenAuthFile'
  | 'authenticationConfig'
  | 'authenticationTokenWebhookConfigFile'
  | 'authenticationTokenWebhookVersion'
  | 'serviceAccountIssuer'
  | 'apiAudiences'
  | 'authorizationConfig'
>

/** k8s: how long a webhook's word about a token holds, and how long it may take. */
const TOKEN_WEBHOOK_TTL_MS = 120_000
const TOKEN_WEBHOOK_TIMEOUT_MS = 30_000

/** @throws CliError */
export async function accessOptions(files: AccessFiles, parts: AccessParts): Promise<AccessOptions> {
  const { tokenAuthFile, authenticationConfig, authorizationConfig } = files
  const needed = authenticationConfig || authorizationConfig
  const compile = needed ? (await import('../apiserver/cel-expression.ts')).compileExpression : undefined
  const issuers = listed(files.serviceAccountIssuer)
  const audiences = listed(files.apiAudiences)
  const authentication: { -readonly [K in keyof AuthenticationOptions]: AuthenticationOptions[K] } = {}
  if (tokenAuthFile) {
    authentication.staticTokens = read('token-auth-file', tokenAuthFile, (text) => parseStaticTokens(text))
  }
  if (issuers.length > 0) authentication.issuers = issuers
  if (audiences.length > 0) authentication.audiences = audiences
  const sorts: NonNullable<AuthenticationOptions['tokenAuthenticators']>[] = []
  if (authenticationConfig) {
    const { issuers: jwt, anonymous } = read('authentication-config', authenticationConfig, (text) =>
      parseAuthenticationConfiguration(yaml(text), compile, issuers.length > 0 ? issuers : [DEFAULT_ISSUER]),
    )
    sorts.push((audiences) => jwt.map((issuer) => oidcAuthenticator(issuer, parts.clock, audiences)))
    if (anonymous !== undefined) authentication.anonymous = anonymous
  }
  const webhook = files.authenticationTokenWebhookConfigFile
  if (webhook) {
    const fail = (why: string) => new CliError(`--authentication-token-webhook-config-file ${webhook}: ${why}`)
    const send = await sender(webhook, TOKEN_WEBHOOK_TIMEOUT_MS, fail, parts)
    const settings = { version: files.authenticationTokenWebhookVersion as 'v1', ttlMs: TOKEN_WEBHOOK_TTL_MS }
    sorts.push((audiences) => [tokenWebhook(settings, send, parts.clock, audiences)])
  }
  if (sorts.length > 0) {
    authentication.tokenAuthenticators = (audiences) => sorts.flatMap((make) => make(audiences))
  }
  if (!authorizationConfig) return { authentication }
  const links = read('authorization-config', authorizationConfig, (text) =>
    parseAuthorizationConfiguration(yaml(text), compile),
  )
  const authorization = await Promise.all(
    links.map(async (link) => {
      if (typeof link === 'string') return link
      return new WebhookAuthorizer(link, await authorizerSender(link, authorizationConfig, parts), parts.clock)
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
async function authorizerSender(settings: WebhookSettings, path: string, parts: AccessParts): Promise<SendReview> {
  const { kubeConfigFile: file, name, timeoutMs } = settings
  const fail = (why: string) =>
    new CliError(`--authorization-config ${path}: authorizer ${JSON.stringify(name)}: ${why}`)
  if (!file) {
    throw fail(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    )
  }
  return sender(file, timeoutMs, (why) => fail(`kubeConfigFile ${file}: ${why}`), parts)
}

const listed = (text: string): string[] => text.split(',').filter((one) => one !== '')

/** @param fail makes the error that names the file */
async function sender(
  file: string,
  timeoutMs: number,
  fail: (why: string) => CliError,
  parts: AccessParts,
): Promise<SendReview> {
  const { options } = await (async () => {
    try {
      return await resolveKubeconfig(parseKubeconfig(readFileSync(file, 'utf8')), dirname(file))
    } catch (err) {
      throw fail(fileProblem(err))
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
