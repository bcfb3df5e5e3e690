// The name rules of the API. Every check returns the sentences that say what is wrong; an empty list means the value is fine.
// k8s: the sentences are the ones clients have always seen, regular expressions included.

const maxLength = (max: number) => `must be no more than ${max} bytes`
const NON_EMPTY = 'must be non-empty'

/** `message (e.g. 'a',  or 'b', regex used for validation is '…')` */
function regexSentence(message: string, format: string, ...examples: string[]): string {
  const shown = examples.map((e, i) => `${i > 0 ? ' or ' : ''}'${e}', `).join('')
  return `${message} (e.g. ${shown}regex used for validation is '${format}')`
}

const bytes = (text: string) => Buffer.byteLength(text)
const whole = (format: string) => new RegExp(`^(?:${format})$`)

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const LABEL_RE = whole(LABEL)
const LABEL_SENTENCE = regexSentence(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  'my-name',
  '123-abc',
)

/** Names of namespaces, containers, volumes: a lowercase RFC 1123 label, at most 63 bytes. */
export function dnsLabel(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 63) problems.push(maxLength(63))
  if (!LABEL_RE.test(value)) {
    problems.push(DNS_SUBDOMAIN_RE.test(value) ? 'must not contain dots' : LABEL_SENTENCE)
  }
  return problems
}

const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const DNS_SUBDOMAIN_RE = whole(SUBDOMAIN)
const SUBDOMAIN_SENTENCE = regexSentence(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  'example.com',
)

/** Most object names: a lowercase RFC 1123 subdomain, at most 253 bytes. */
export function dnsSubdomain(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 253) problems.push(maxLength(253))
  if (!DNS_SUBDOMAIN_RE.test(value)) problems.push(SUBDOMAIN_SENTENCE)
  return problems
}

const LABEL_UNDERSCORE = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const SUBDOMAIN_UNDERSCORE = `${LABEL_UNDERSCORE}(\\.${LABEL_UNDERSCORE})*`
const SUBDOMAIN_UNDERSCORE_RE = whole(SUBDOMAIN_UNDERSCORE)
const SUBDOMAIN_UNDERSCORE_SENTENCE = regexSentence(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN_UNDERSCORE,
  'example.com',
)

/** Search domains: underscores are allowed, as in the names of SRV records. */
export function dnsSubdomainWithUnderscore(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 253) problems.push(maxLength(253))
  if (!SUBDOMAIN_UNDERSCORE_RE.test(value)) problems.push(SUBDOMAIN_UNDERSCORE_SENTENCE)
  return problems
}

/** The prefix of a name the server will complete: as if a character followed a trailing dash. */
export const asPrefix =
  (rule: (name: string) => string[]) =>
  (prefix: string): string[] =>
    rule(prefix.endsWith('-') ? `${prefix.slice(0, -1)}a` : prefix)

const DNS1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const DNS1035_RE = whole(DNS1035)
const DNS1035_SENTENCE = regexSentence(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  DNS1035,
  'my-name',
  'abc-123',
)

/** Service names: a label that starts with a letter. */
export function dns1035Label(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 63) problems.push(maxLength(63))
  if (!DNS1035_RE.test(value)) problems.push(DNS1035_SENTENCE)
  return problems
}

const WILDCARD = `\\*\\.${SUBDOMAIN}`
const WILDCARD_RE = whole(WILDCARD)
const WILDCARD_SENTENCE = regexSentence(
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  WILDCARD,
  '*.example.com',
)

export function wildcardDnsSubdomain(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 253) problems.push(maxLength(253))
  if (!WILDCARD_RE.test(value)) problems.push(WILDCARD_SENTENCE)
  return problems
}

const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const QUALIFIED_RE = whole(QUALIFIED)
const QUALIFIED_MESSAGE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const QUALIFIED_EXAMPLES = ['MyName', 'my.name', '123-abc']

/** Label and annotation keys, resource names: `name` or `example.com/name`. */
export function qualifiedName(value: string): string[] {
  const problems: string[] = []
  const parts = value.split('/')
  let name = value
  if (parts.length === 2) {
    const [prefix = '', rest = ''] = parts
    name = rest
    if (prefix === '') problems.push(`prefix part ${NON_EMPTY}`)
    else problems.push(...dnsSubdomain(prefix).map((p) => `prefix part ${p}`))
  } else if (parts.length > 2) {
    const sentence = regexSentence(`a qualified name ${QUALIFIED_MESSAGE}`, QUALIFIED, ...QUALIFIED_EXAMPLES)
    return [`${sentence} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  if (name === '') problems.push(`name part ${NON_EMPTY}`)
  else if (bytes(name) > 63) problems.push(`name part ${maxLength(63)}`)
  if (!QUALIFIED_RE.test(name)) {
    problems.push(`name part ${regexSentence(QUALIFIED_MESSAGE, QUALIFIED, ...QUALIFIED_EXAMPLES)}`)
  }
  return problems
}

const LABEL_VALUE = `(${QUALIFIED})?`
const LABEL_VALUE_RE = whole(LABEL_VALUE)
const LABEL_VALUE_SENTENCE = regexSentence(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE,
  'MyValue',
  'my_value',
  '12345',
)

export function labelValue(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 63) problems.push(maxLength(63))
  if (!LABEL_VALUE_RE.test(value)) problems.push(LABEL_VALUE_SENTENCE)
  return problems
}

/** Names of RBAC objects and others that only have to fit into a URL path. */
export function pathSegment(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`)
}

const ENV_VAR_SENTENCE =
  "a valid environment variable name must consist only of printable ASCII characters other than '='"

/** Environment variable names: any printable ASCII but `=`. */
export function envVarName(value: string): string[] {
  if (value === '') return [`environment variable name ${NON_EMPTY}`]
  return /^[ -<>-~]+$/.test(value) ? [] : [ENV_VAR_SENTENCE]
}

const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*'
const C_IDENTIFIER_RE = whole(C_IDENTIFIER)

export function cIdentifier(value: string): string[] {
  if (C_IDENTIFIER_RE.test(value)) return []
  const message =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'"
  return [regexSentence(message, C_IDENTIFIER, 'my_name', 'MY_NAME', 'MyName')]
}

const CONFIG_KEY = '[-._a-zA-Z0-9]+'
const CONFIG_KEY_RE = whole(CONFIG_KEY)

/** Keys of ConfigMaps and Secrets: they become file names. */
export function configMapKey(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 253) problems.push(maxLength(253))
  if (!CONFIG_KEY_RE.test(value)) {
    const message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    problems.push(regexSentence(message, CONFIG_KEY, 'key.name', 'KEY_NAME', 'key-name'))
  }
  if (value === '.') problems.push("must not be '.'")
  else if (value === '..') problems.push("must not be '..'")
  else if (value.startsWith('..')) problems.push("must not start with '..'")
  return problems
}

/** Names of ports: at most 15 characters, a letter in it. */
export function portName(value: string): string[] {
  const problems: string[] = []
  if (bytes(value) > 15) problems.push('must be no more than 15 characters')
  if (!/^[-a-z0-9]+$/.test(value)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  }
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)')
  if (value.includes('--')) problems.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen')
  return problems
}

export function portNumber(value: number): string[] {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? [] : ['must be between 1 and 65535, inclusive']
}

const PERCENT = '[0-9]+%'
const PERCENT_RE = whole(PERCENT)

export function percent(value: string): string[] {
  if (PERCENT_RE.test(value)) return []
  const message = "a valid percent string must be a numeric string followed by an ending '%'"
  return [regexSentence(message, PERCENT, '1%', '93%')]
}

const HTTP_HEADER = '[-A-Za-z0-9]+'
const HTTP_HEADER_RE = whole(HTTP_HEADER)

export function httpHeaderName(value: string): string[] {
  if (HTTP_HEADER_RE.test(value)) return []
  return [
    regexSentence("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER, 'X-Header-Name'),
  ]
}
