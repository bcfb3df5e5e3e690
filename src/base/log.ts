// The process's one pino logger. Levels: SKIFF_LOG_LEVEL (trace … fatal, silent), `info` unless set.
// Children are made by component, then by unit of work; messages are constant lower-case phrases, what varies is a field.
import pino, { type Logger } from 'pino'
import { logOutput } from './log-output.ts'

export type { Logger }

/** Values under these keys never reach a log, whatever object they are logged in. */
const SECRET_PATHS = [
  'token',
  'authorization',
  'password',
  '*.token',
  '*.authorization',
  '*.password',
  'headers.authorization',
]

export function createLogger(component: string, level = process.env['SKIFF_LOG_LEVEL'] ?? 'info'): Logger {
  const options = {
    level,
    base: { component },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
  }
  return pino(options, logOutput(1))
}

/** For tests and for code that has no process of its own. */
export const silentLogger: Logger = pino({ level: 'silent' })
