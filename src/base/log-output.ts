// Where log lines go. Whatever becomes of them, who logs goes on: a full disk must not stop the server that it is the log of. Lines that
// cannot be written are lost, and how many were is the first thing said when there is room again.
import { writeSync } from 'node:fs'

export interface LogOutput {
  write(line: string): void
}

/** A pipe whose reader is slow is given this long for a line. */
const BUSY_TRIES = 20
const BUSY_MS = 10

export function logOutput(fd: number, writeTo: (fd: number, bytes: Uint8Array) => number = writeSync): LogOutput {
  let lost = 0
  const send = (line: string): boolean => {
    let rest: Uint8Array = Buffer.from(line)
    for (let tries = 0; tries < BUSY_TRIES; ) {
      try {
        rest = rest.subarray(writeTo(fd, rest))
        if (rest.length === 0) return true
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'EAGAIN') return false
        tries++
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS)
      }
    }
    return false
  }
  return {
    write(line) {
      if (lost > 0 && send(`{"level":40,"lost":${lost},"msg":"log lines were lost"}\n`)) lost = 0
      if (!send(line)) lost++
    },
  }
}
