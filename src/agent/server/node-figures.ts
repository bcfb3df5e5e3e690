// The node's own CPU and memory, as the kernel tells them in /proc, and its file system. Read only when somebody asks.
import { readFile, statfs } from 'node:fs/promises'

export interface NodeFigures {
  cpuUsageNanoseconds: number
  memoryTotalBytes: number
  memoryUsageBytes: number
  memoryWorkingSetBytes: number
  fs: { capacityBytes: number; availableBytes: number; usedBytes: number; inodes: number; inodesFree: number }
}

/** Linux counts CPU time for user space in hundredths of a second on every architecture. */
const NANOSECONDS_PER_TICK = 10_000_000

/** From `/proc/stat`: everything but idle and waiting for I/O. Guest time is part of user time already. */
export function cpuNanoseconds(stat: string): number {
  const fields = /^cpu\s+(.*)$/m.exec(stat)?.[1]?.split(/\s+/).map(Number) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields
  return (user + nice + system + irq + softirq + steal) * NANOSECONDS_PER_TICK
}

/** From `/proc/meminfo`. k8s: the working set is what is used, without file cache that was not used lately. */
export function memoryFigures(meminfo: string): { total: number; usage: number; workingSet: number } {
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  const total = field('MemTotal')
  const usage = total - field('MemFree')
  return { total, usage, workingSet: Math.max(usage - field('Inactive\\(file\\)'), 0) }
}

export async function nodeFigures(dataDirectory: string): Promise<NodeFigures> {
  const [stat, meminfo, fs] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
    statfs(dataDirectory),
  ])
  const memory = memoryFigures(meminfo)
  return {
    cpuUsageNanoseconds: cpuNanoseconds(stat),
    memoryTotalBytes: memory.total,
    memoryUsageBytes: memory.usage,
    memoryWorkingSetBytes: memory.workingSet,
    fs: {
      capacityBytes: fs.blocks * fs.bsize,
      availableBytes: fs.bavail * fs.bsize,
      usedBytes: (fs.blocks - fs.bfree) * fs.bsize,
      inodes: fs.files,
      inodesFree: fs.ffree,
    },
  }
}
