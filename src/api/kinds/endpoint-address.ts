// Addresses that may stand behind or before a Service.
import { parseAddress } from '../meta/addresses.ts'
import { type FieldError, invalid } from '../meta/errors.ts'

/** k8s: addresses that would reach the node itself, or everyone, are refused. */
export function checkEndpointIp(errors: FieldError[], field: string, ip: string): void {
  const address = parseAddress(ip)?.canonical
  const refuse = (why: string) => errors.push(invalid(field, ip, why))
  if (address === undefined) refuse('must be a valid IP address')
  else if (address === '0.0.0.0' || address === '::') refuse(`may not be unspecified (${ip})`)
  else if (/^127\./.test(address) || address === '::1') {
    refuse('may not be in the loopback range (127.0.0.0/8, ::1/128)')
  } else if (/^169\.254\./.test(address) || /^fe[89ab]/.test(address)) {
    refuse('may not be in the link-local range (169.254.0.0/16, fe80::/10)')
  } else if (/^224\.0\.0\./.test(address) || /^ff02:/.test(address)) {
    refuse('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')
  }
}
