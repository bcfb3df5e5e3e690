// The address by which others know this machine: the one of the interface that the default route leaves by.
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { CliError } from './config.ts'

/** @throws CliError when the machine has no address but loopback. */
export function nodeAddress(configured: string): string {
  if (configured !== '') return configured
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).filter((a) => a.family === 'IPv4' && !a.internal).map((a) => ({ name, ip: a.address })),
  )
  const leaving = defaultRouteInterface()
  // Without a default route: any address that is not one of a container bridge's.
  const found =
    addresses.find((a) => a.name === leaving) ?? addresses.find((a) => !/^(docker|br-|skiff|veth)/.test(a.name))
  if (!found) throw new CliError('this machine has no network address but loopback: name one with --node-ip')
  return found.ip
}

function defaultRouteInterface(): string | undefined {
  try {
    const routes = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1)
    return routes
      .map((line) => line.split('\t'))
      .find(([, destination, , flags]) => destination === '00000000' && Number.parseInt(flags!, 16) & 1)?.[0]
  } catch {
    return undefined
  }
}
