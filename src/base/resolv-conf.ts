// The host's /etc/resolv.conf as data. Unknown lines are passed over, as the resolver does.

export interface ResolvConf {
  readonly nameservers: readonly string[]
  readonly searches: readonly string[]
  /** As written: `ndots:2`, `rotate`. */
  readonly options: readonly string[]
}

export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = []
  const options: string[] = []
  let searches: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && values[0]) nameservers.push(values[0])
    // the last search line wins; `domain` is its older spelling
    else if (keyword === 'search' || keyword === 'domain') searches = values.map((s) => s.replace(/(.)\.$/, '$1'))
    else if (keyword === 'options') options.push(...values)
  }
  return { nameservers, searches, options: [...new Set(options)] }
}

export function formatResolvConf({ nameservers, searches, options }: ResolvConf): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.map((nameserver) => `nameserver ${nameserver}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
