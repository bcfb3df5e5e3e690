// What the machine is and has: read once (`facts`) and now and then (`free`). Another reader is given in tests.
import { readdir, readFile, statfs } from 'node:fs/promises'
import os from 'node:os'

export interface HostFacts {
  cpus: number
  memoryBytes: number
  diskBytes: number
  /** Bytes reserved for each huge page size: `hugepages-2Mi`. */
  hugePageBytes: Readonly<Record<string, number>>
  machineID: string
  systemUUID: string
  bootID: string
}
export interface HostFree {
  memoryBytes: number
  diskBytes: number
  pids: number
}
export interface HostReader {
  facts(): Promise<HostFacts>
  free(): Promise<HostFree>
}

const text = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim()

/** @param dataDir on the file system whose space pods share. */
export function hostReader(dataDir: string): HostReader {
  return {
    async facts() {
      const disk = await statfs(dataDir)
      const machineID = (await text('/etc/machine-id')) || (await text('/var/lib/dbus/machine-id'))
      return {
        cpus: os.availableParallelism(),
        memoryBytes: os.totalmem(),
        diskBytes: disk.blocks * disk.bsize,
        hugePageBytes: await hugePages(),
        machineID,
        systemUUID: (await text('/sys/class/dmi/id/product_uuid')) || machineID,
        bootID: await text('/proc/sys/kernel/random/boot_id'),
      }
    },
    async free() {
      const disk = await statfs(dataDir)
      return { memoryBytes: os.freemem(), diskBytes: disk.bavail * disk.bsize, pids: await freePids() }
    },
  }
}

async function freePids(): Promise<number> {
  const most = Number(await text('/proc/sys/kernel/pid_max')) || Number.POSITIVE_INFINITY
  // `0.10 0.05 0.01 1/234 5678`: running and existing threads.
  const used = Number(/\/(\d+)/.exec(await text('/proc/loadavg'))?.[1] ?? 0)
  return most - used
}

async function hugePages(): Promise<Record<string, number>> {
  const root = '/sys/kernel/mm/hugepages'
  const sizes: Record<string, number> = {}
  for (const name of await readdir(root).catch(() => [])) {
    const kiB = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1])
    if (!kiB) continue
    const unit = kiB >= 1 << 20 ? `${kiB / (1 << 20)}Gi` : kiB >= 1024 ? `${kiB / 1024}Mi` : `${kiB}Ki`
    sizes[`hugepages-${unit}`] = Number(await text(`${root}/${name}/nr_hugepages`)) * kiB * 1024
  }
  return sizes
}
