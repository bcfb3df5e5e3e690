// The command line's entry; nothing else.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { run } from './cli/command-line.ts'

// The bundle's compiled code is kept beside it, for the next start. A directory that cannot be written to costs that gain, nothing else.
if (import.meta.dirname.endsWith('/dist')) enableCompileCache(join(import.meta.dirname, 'compile-cache'))
process.exitCode = await run(process.argv.slice(2))
