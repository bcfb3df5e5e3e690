// URLs, read as Go's `url.ParseRequestURI` reads them: absolute, or a path that begins with a slash; nothing is normalised.
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import { Opaque } from '../values.ts'

interface Parts {
  readonly scheme: string
  readonly host: string
  readonly path: string
  readonly query: string
}
export class UrlValue extends Opaque {
  readonly typeName = 'kubernetes.URL'
  readonly text: string
  readonly parts: Parts
  constructor(text: string, parts: Parts) {
    super()
    this.text = text
    this.parts = parts
  }
  equals(other: Opaque): boolean {
    return other instanceof UrlValue && other.text === this.text
  }
}

const CONTROL = /\p{Cc}/u

/** The parts, or what is wrong. */
export function parseUrl(text: string): Parts | string {
  const bad = (why: string) => `parse ${JSON.stringify(text)}: ${why}`
  if (CONTROL.test(text)) return bad('net/url: invalid control character in URL')
  if (text === '') return bad('empty url')
  const [, scheme = '', afterScheme = text] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? []
  if (scheme === '' && text.startsWith(':')) return bad('missing protocol scheme')
  const question = afterScheme.indexOf('?')
  const query = question < 0 ? '' : afterScheme.slice(question + 1)
  const rest = question < 0 ? afterScheme : afterScheme.slice(0, question)
  if (!rest.startsWith('/'))
    return scheme && rest ? { scheme, host: '', path: '', query } : bad('invalid URI for request')
  let host = ''
  let path = rest
  if (scheme !== '' && rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2)
    const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash)
    path = slash < 0 ? '' : rest.slice(slash)
    host = authority.slice(authority.lastIndexOf('@') + 1)
    const port =
      /^\[[^\]]*\](.*)$/.exec(host)?.[1] ?? host.slice(host.includes(':') ? host.lastIndexOf(':') : host.length)
    if (port !== '' && !/^:\d*$/.test(port)) return bad(`invalid port ${JSON.stringify(port)} after host`)
    if (host.startsWith('[') && !host.includes(']')) return bad("missing ']' in host")
    const wrong = /[ "<>^`{}|\\]/.exec(host.replace(/^\[.*\]/, ''))
    if (wrong) return bad(`invalid character ${JSON.stringify(wrong[0])} in host name`)
  }
  const wrongEscape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path)
  return wrongEscape
    ? bad(`invalid URL escape ${JSON.stringify(wrongEscape[0])}`)
    : { scheme: scheme.toLowerCase(), host, path, query }
}

const PLAIN = /[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]]/
function escapedPath(path: string): string {
  let out = ''
  for (let i = 0; i < path.length; ) {
    const c = String.fromCodePoint(path.codePointAt(i)!)
    if (PLAIN.test(c) || c === '%') out += c
    else for (const byte of Buffer.from(c)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    i += c.length
  }
  return out
}
function queryOf(text: string): Record<string, string[]> {
  const values = new Map<string, string[]>()
  for (const part of text.split('&')) {
    if (part === '' || part.includes(';')) continue
    const equals = part.indexOf('=')
    const [key, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)]
    const [name, item] = [unescapeQuery(key), unescapeQuery(value)]
    if (name === undefined || item === undefined) continue
    const known = values.get(name)
    if (known) known.push(item)
    else values.set(name, [item])
  }
  return Object.fromEntries(values)
}
function unescapeQuery(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (err) {
    if (err instanceof URIError) return undefined
    throw err
  }
}

const hostname = (host: string) => /^\[(.*)\]/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')
const port = (host: string) => /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? ''

export const urlLibrary: Library = {
  url: [
    overload('(string) URL', (text: string) => {
      const parts = parseUrl(text)
      if (typeof parts === 'string') throw new CelError(`URL parse error during conversion from string: ${parts}`)
      return new UrlValue(text, parts)
    }),
  ],
  isURL: [overload('(string) bool', (text: string) => typeof parseUrl(text) !== 'string')],
  getScheme: [overload('URL.() string', ({ parts }: UrlValue) => parts.scheme)],
  getHost: [overload('URL.() string', ({ parts }: UrlValue) => parts.host)],
  getHostname: [overload('URL.() string', ({ parts }: UrlValue) => hostname(parts.host))],
  getPort: [overload('URL.() string', ({ parts }: UrlValue) => port(parts.host))],
  getEscapedPath: [overload('URL.() string', ({ parts }: UrlValue) => escapedPath(parts.path))],
  getQuery: [overload('URL.() map<string, list<string>>', ({ parts }: UrlValue) => queryOf(parts.query))],
}
