// Network namespaces of pods, made outside the engine: a file per sandbox on which the namespace is mounted, with a veth pair to the pod
// bridge. The sandbox's program enters the one that is bound into its container. Needs root, unshare (util-linux) and ip (iproute2).
import { execFile } from 'node:child_process'
import { mkdir, readdir, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError } from '../cri/runtime.ts'
import { macOf } from './addresses.ts'

const run = promisify(execFile)

/** On a file system that a reboot empties, as it does the namespaces. */
const ROOT = '/run/skiff/netns'
const PROBE = 'probe'

export interface NamespaceSpec {
  address: string
  prefixLength: number
  gateway: string
  bridge: string
  /** `net.…` only. */
  sysctls: Readonly<Record<string, string>>
}

export class PodNamespaces {
  readonly #directory: string

  constructor(scope: string) {
    this.#directory = `${ROOT}/${encodeURIComponent(scope)}`
  }

  file(podUid: string, attempt: number): string {
    return `${this.#directory}/${encodeURIComponent(podUid)}-${attempt}`
  }

  /** Whether namespaces can be made here and `bridge` be reached from them. @throws what is in the way. */
  async probe(bridge: string): Promise<void> {
    if (process.getuid?.() !== 0) throw new Error('not root')
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    await run('ip', ['link', 'show', 'dev', bridge])
    const file = `${this.#directory}/${PROBE}`
    await writeFile(file, '')
    try {
      await run('unshare', [`--net=${file}`, 'true'])
    } finally {
      await this.remove(file)
    }
  }

  /** The file is there when this returns; the namespace is on it once the result's `ready` has resolved. */
  async create(ctx: Ctx, file: string, spec: NamespaceSpec): Promise<{ ready: Promise<void> }> {
    await writeFile(file, '', { flag: 'wx' }).catch(async (err) => {
      if (err.code !== 'EEXIST') throw err
      await this.remove(file) // left over from a sandbox that never came to be
      await writeFile(file, '')
    })
    const ready = this.#configure(ctx, file, spec)
    ready.catch(() => undefined)
    return { ready }
  }

  async #configure(ctx: Ctx, file: string, spec: NamespaceSpec): Promise<void> {
    const { address, prefixLength, gateway, bridge, sysctls } = spec
    const host = hostInterface(address)
    const settings = Object.entries(sysctls).map(([name, value]) => `${name.replaceAll('.', '/')}=${value}`)
    const values = [file, host, String(process.pid), bridge, address, String(prefixLength), gateway, macOf(address)]
    const attempt = () => run('sh', ['-ec', CONFIGURE, 'configure', ...values, ...settings], { signal: ctx.signal })
    try {
      await attempt().catch(async (err: { stderr?: string }) => {
        if (!/File exists/.test(err.stderr ?? '')) throw err
        // The interface of a namespace that the kernel is still taking apart.
        await run('ip', ['link', 'del', host]).catch(() => undefined)
        await unmount(file)
        await attempt()
      })
    } catch (err) {
      ctx.signal.throwIfAborted()
      const said = (err as { stderr?: string }).stderr?.trim()
      throw new RuntimeError(
        'Unknown',
        `cannot set up the pod's network on ${bridge}: ${said || (err as Error).message}`,
        {
          cause: err,
        },
      )
    }
  }

  /** Whether the process is in the namespace on `file`. */
  async hasEntered(file: string, pid: number): Promise<boolean> {
    const [{ ino }, link] = await Promise.all([stat(file), readlink(`/proc/${pid}/ns/net`).catch(() => '')])
    return link === `net:[${ino}]`
  }

  /** Idempotent. The kernel removes its interfaces once nobody is in it any more. */
  async remove(file: string): Promise<void> {
    if (!(await stat(file).catch(() => undefined))) return
    await unmount(file)
    await rm(file, { force: true, recursive: true }) // the engine makes a directory where the file is missing
  }

  /** Removes those that no sandbox has. */
  async prune(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const file = `${this.#directory}/${name}`
      if (!keep.has(file) && name !== PROBE) await this.remove(file)
    }
  }

  async removeAll(): Promise<void> {
    await this.prune(new Set())
    await this.remove(`${this.#directory}/${PROBE}`)
    await rm(this.#directory, { recursive: true, force: true })
  }
}

async function unmount(file: string): Promise<void> {
  await run('umount', [file]).catch(() => undefined)
}

/** One address has one interface on this node: `sk0af40102`. */
export const hostInterface = (address: string) =>
  `sk${address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')}`

// IPv6 is off on the pod's interface, as Docker has it on networks without IPv6. hairpin: a pod that reaches itself through a Service goes
// out and in by the same port of the bridge.
const CONFIGURE = `
unshare --net="$1" sh -ec '
[ ! -e /proc/sys/net/ipv6/conf/default/disable_ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
ip -batch - <<EOF
link add eth0 address $8 type veth peer name $2 netns $3
addr add $5/$6 dev eth0
link set lo up
link set eth0 up
route add default via $7
EOF
shift 8
for setting; do echo "\${setting#*=}" >"/proc/sys/\${setting%%=*}"; done
' inside "$@"
exec ip -batch - <<EOF
link set $2 up master $4
link set $2 type bridge_slave hairpin on
EOF
`
