// The address by which others know this machine: the one of the interface that the default route leaves by.
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { CliError } from './config.ts'

export interface InterfaceAddress {
  name: string
  ip: string
}

/** @throws CliError when the machine has no address but loopback. */
export function nodeAddress(configured: string): string {
  if (configured !== '') return configured
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).filter((a) => a.family === 'IPv4' && !a.internal).map((a) => ({ name, ip: a.address })),
  )
  const found = chooseAddress(addresses, defaultRouteInterface(routeTable()))
  if (!found) throw new CliError('this machine has no network address but loopback: name one with --node-ip')
  return found
}

/** Without a default route: any address that is not one of a container bridge's. */
export function chooseAddress(addresses: readonly InterfaceAddress[], leaving: string | undefined): string | undefined {
  const found =
    addresses.find((a) => a.name === leaving) ?? addresses.find((a) => !/^(docker|br-|skiff|veth)/.test(a.name))
  return found?.ip
}

const UP = 1

/** @param table as in /proc/net/route. Of several default routes, the one with the smallest metric counts. */
export function defaultRouteInterface(table: string): string | undefined {
  const routes = table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([, destination, , flags, , , , mask]) => {
      return destination === '00000000' && mask === '00000000' && (Number.parseInt(flags ?? '', 16) & UP) !== 0
    })
    .sort((a, b) => Number(a[6]) - Number(b[6]))
  return routes[0]?.[0]
}

function routeTable(): string {
  try {
    return readFileSync('/proc/net/route', 'utf8')
  } catch {
    return ''
  }
}
