// Progress as a user sees it: one line per phase with its time, on stderr; results go to stdout.
import { CliError } from './config.ts'

/** Runs `work` as a phase. The line is printed when it has ended; a note may be added to it by `work`. */
export async function phase<T>(name: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
  const began = performance.now()
  let noted = ''
  const live = process.stderr.isTTY
  if (live) process.stderr.write(`  ${name} …`)
  const line = (mark: string) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stderr.write(`${live ? '\r' : ''}  ${name.padEnd(44)} ${seconds} s${mark}${noted ? `  (${noted})` : ''}\n`)
  }
  try {
    const result = await work((text) => {
      noted = text
    })
    line('')
    return result
  } catch (err) {
    line('  failed')
    throw err
  }
}

/** An AbortSignal that Ctrl-C and SIGTERM abort, with a CliError that says `advice`. A second one ends the process at once. */
export function interruptible(advice: string): AbortSignal {
  const controller = new AbortController()
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.once(signal, () => controller.abort(new CliError(`interrupted: ${advice}`, 128 + number)))
  return controller.signal
}

/** A word as a user can paste it into a shell. */
export const shellWord = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
