// The processes of the fake runtime: a shell of a dozen commands (echo, sleep, cat, exit, trap, env, hostname, …) on a given clock, so
// that the same pod behaves alike on the fake and on a real engine. Anything else is "not found", as in an image without it.
import { type Clock, delay } from '../../base/clock.ts'

export interface ShellIO {
  stdin: AsyncIterable<Uint8Array>
  stdout: (text: string | Uint8Array) => void | Promise<void>
  stderr: (text: string | Uint8Array) => void | Promise<void>
}
export interface ShellEnv {
  clock: Clock
  env: Readonly<Record<string, string>>
  hostname: string
  /** Further programs by name; the result is the exit code. */
  programs: ReadonlyMap<string, FakeProgram>
  /** Aborted by SIGKILL. */
  killed: AbortSignal
  /** Aborted by the stop signal. As PID 1 a process without a handler ignores it. */
  terminated: AbortSignal
}
export type FakeProgram = (args: readonly string[], env: ShellEnv, io: ShellIO) => Promise<number>

class Exit {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

/** Runs until the process has ended; the exit code. Rejects when it was killed. */
export async function runProcess(command: readonly string[], env: ShellEnv, io: ShellIO): Promise<number> {
  const [name = '', ...args] = command
  const base = name.slice(name.lastIndexOf('/') + 1)
  if ((base === 'sh' || base === 'ash') && args[0] === '-c') return runScript(args[1] ?? '', env, io)
  const program = programOf(base, env)
  if (!program) throw new Error(`executable file not found: ${name}`)
  return program(args, env, io)
}

/** Whether `command` could be started at all. */
export function isExecutable(command: readonly string[], programs: ReadonlyMap<string, FakeProgram>): boolean {
  const name = command[0] ?? ''
  const base = name.slice(name.lastIndexOf('/') + 1)
  return base === 'sh' || base === 'ash' || BUILTINS.has(base) || programs.has(base)
}

const programOf = (name: string, env: ShellEnv) => env.programs.get(name) ?? BUILTINS.get(name)

const BUILTINS: ReadonlyMap<string, FakeProgram> = new Map<string, FakeProgram>([
  ['true', async () => 0],
  [':', async () => 0],
  ['false', async () => 1],
  [
    'echo',
    async (args, _env, io) => {
      const newline = args[0] !== '-n'
      await io.stdout((newline ? args : args.slice(1)).join(' ') + (newline ? '\n' : ''))
      return 0
    },
  ],
  [
    'sleep',
    async (args, env) => {
      const seconds = args[0] === 'infinity' ? 10 * 365 * 86_400 : Number(args[0])
      await delay(env.clock, seconds * 1000, env.killed)
      return 0
    },
  ],
  [
    'cat',
    async (_args, env, io) => {
      for await (const chunk of io.stdin) {
        env.killed.throwIfAborted()
        await io.stdout(chunk)
      }
      return 0
    },
  ],
  [
    'env',
    async (_args, env, io) => {
      await io.stdout(
        Object.entries(env.env)
          .map(([k, v]) => `${k}=${v}\n`)
          .join(''),
      )
      return 0
    },
  ],
  [
    'hostname',
    async (_args, env, io) => {
      await io.stdout(`${env.hostname}\n`)
      return 0
    },
  ],
])

/** `;`, newline, `&&`, `||` and a trailing `&`; quotes, `$NAME`, `>&2`; exit, trap, exec and wait. No pipes, loops or functions. */
async function runScript(script: string, env: ShellEnv, io: ShellIO): Promise<number> {
  const jobs: Promise<number>[] = []
  const ended = Promise.withResolvers<number>()
  const onTerminated = (handler: string) => {
    const react = () => {
      if (handler) runScript(handler, env, io).then(ended.resolve, ended.reject)
    }
    if (env.terminated.aborted) react()
    else env.terminated.addEventListener('abort', react, { once: true })
  }
  const simple = async (words: string[]): Promise<number> => {
    const toStderr = words.includes('>&2')
    const [name = '', ...args] = words.filter((w) => w !== '>&2')
    const out = toStderr ? { ...io, stdout: io.stderr } : io
    switch (name) {
      case '':
        return 0
      case 'exit':
        throw new Exit(Number(args[0] ?? 0))
      case 'trap':
        onTerminated(args[0] ?? '')
        return 0
      case 'exec':
        throw new Exit(await simple(args))
      case 'wait':
        await Promise.all(jobs)
        return 0
    }
    const program = name === 'sh' ? undefined : programOf(name.slice(name.lastIndexOf('/') + 1), env)
    if (name === 'sh') return runProcess([name, ...args], env, out)
    if (program) return program(args, env, out)
    await io.stderr(`sh: ${name}: not found\n`)
    return 127
  }
  const body = async () => {
    let code = 0
    let skip = false
    try {
      for (const { words, then } of parseScript(script, env.env)) {
        if (then === '&') jobs.push(simple(words))
        else if (!skip) code = await simple(words)
        skip = (then === '&&' && code !== 0) || (then === '||' && code === 0)
      }
    } catch (err) {
      if (err instanceof Exit) return err.code
      throw err
    }
    return code
  }
  body().then(ended.resolve, ended.reject)
  for (const job of jobs) job.catch(() => undefined)
  return ended.promise
}

interface Simple {
  words: string[]
  then: ';' | '&&' | '||' | '&'
}

function parseScript(script: string, env: Readonly<Record<string, string>>): Simple[] {
  const commands: Simple[] = []
  let words: string[] = []
  let word: string | undefined
  let quote = ''
  const endWord = () => {
    if (word !== undefined) words.push(word)
    word = undefined
  }
  const endCommand = (then: Simple['then']) => {
    endWord()
    commands.push({ words, then })
    words = []
  }
  for (let i = 0; i < script.length; i++) {
    const c = script[i]!
    if (quote) {
      if (c === quote) quote = ''
      else if (c === '$' && quote === '"') {
        const name = /^\w+/.exec(script.slice(i + 1))?.[0] ?? ''
        word = (word ?? '') + (env[name] ?? '')
        i += name.length
      } else word = (word ?? '') + c
    } else if (c === "'" || c === '"') {
      quote = c
      word ??= ''
    } else if (script.startsWith('>&2', i)) {
      endWord()
      words.push('>&2')
      i += 2
    } else if (script.startsWith('&&', i) || script.startsWith('||', i)) {
      endCommand(script.slice(i, i + 2) as '&&' | '||')
      i++
    } else if (c === '&') endCommand('&')
    else if (c === ';' || c === '\n') endCommand(';')
    else if (c === ' ' || c === '\t') endWord()
    else if (c === '$' && /\w/.test(script[i + 1] ?? '')) {
      const name = /^\w+/.exec(script.slice(i + 1))![0]
      word = (word ?? '') + (env[name] ?? '')
      i += name.length
    } else word = (word ?? '') + c
  }
  endCommand(';')
  return commands
}
