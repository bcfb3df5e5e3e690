// What a container had to say when it ended: the file at its terminationMessagePath, or the end of its log when it failed without one.
import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Ctx } from '../../base/ctx.ts'
import type { ContainerStatus, RuntimeService } from '../cri/runtime.ts'
import { carriedFacts } from './labels.ts'

// k8s: the same bounds as everywhere.
const MOST_FILE_BYTES = 4096
const MOST_LOG_BYTES = 2048
const MOST_LOG_LINES = 80

/** Makes the empty file that the container is to write; returns its path. */
export async function makeMessageFile(podDir: string, container: string, attempt: number): Promise<string> {
  const file = join(podDir, 'containers', container, String(attempt))
  await mkdir(dirname(file), { recursive: true, mode: 0o750 })
  await rm(file, { force: true })
  // Whoever the container runs as writes it.
  await writeFile(file, '', { mode: 0o666 })
  return file
}

export async function terminationMessage(ctx: Ctx, runtime: RuntimeService, status: ContainerStatus): Promise<string> {
  const { messageFile, messagePolicy } = carriedFacts(status)
  const text = messageFile ? await readStart(messageFile) : ''
  if (text !== '' || messagePolicy !== 'FallbackToLogsOnError' || status.exitCode === 0) return text
  try {
    const chunks: Uint8Array[] = []
    for await (const line of runtime.logs(ctx, status.id, { follow: false, tail: MOST_LOG_LINES }))
      chunks.push(line.bytes)
    const all = Buffer.concat(chunks)
    return all.subarray(Math.max(all.length - MOST_LOG_BYTES, 0)).toString('utf8')
  } catch (err) {
    ctx.signal.throwIfAborted()
    return `Error reading termination message from logs: ${err instanceof Error ? err.message : String(err)}`
  }
}

async function readStart(path: string): Promise<string> {
  const handle = await open(path, 'r').catch(() => undefined)
  if (!handle) return ''
  try {
    const buffer = Buffer.alloc(MOST_FILE_BYTES)
    const { bytesRead } = await handle.read(buffer, 0, MOST_FILE_BYTES, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
