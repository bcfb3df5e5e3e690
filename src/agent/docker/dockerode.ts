// The one place that loads dockerode. Two things it brings along are left out, because Skiff has no use for them and they cost 10 MB and
// 80 ms: ssh2 (engines behind SSH) and BuildKit sessions (gRPC). Both are only reached through options that Skiff never gives.
import { createRequire } from 'node:module'
import type Docker from 'dockerode'

export type { default as Docker } from 'dockerode'

const unused = {
  get Client() {
    return notLoaded
  },
  default: notLoaded,
}
function notLoaded(): never {
  throw new Error('this part of dockerode is not loaded')
}

/** In `require`'s cache, `request` stands for an empty module from now on, unless it was loaded before. */
function leaveOut(require: NodeJS.Require, request: string): void {
  const filename = require.resolve(request)
  require.cache[filename] ??= { id: filename, filename, loaded: true, exports: unused } as unknown as NodeJS.Module
}

let loaded: typeof Docker | undefined

/** A client of the engine at `socketPath`. Connections are kept alive by Node's global agent. */
export function openDocker(socketPath: string): Docker {
  if (!loaded) {
    const require = createRequire(import.meta.url)
    const inDockerode = createRequire(require.resolve('dockerode'))
    leaveOut(inDockerode, './session')
    leaveOut(createRequire(inDockerode.resolve('docker-modem')), 'ssh2')
    loaded = require('dockerode') as typeof Docker
  }
  // `version` undefined: the newest API that the engine speaks. A given host or port in DOCKER_HOST must not win over the socket.
  return new loaded({ socketPath, host: undefined, port: undefined, protocol: 'http' })
}
