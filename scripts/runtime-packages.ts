// Prints the directories of the packages that the built program loads at run time, one a line: those that the bundle in dist/
// imports or resolves by name, with all that they depend on. Run by deploy/install.sh.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')

/** Where Node would find `name` from `directory`; undefined for an optional package that isn't there. */
function locate(name: string, directory: string): string | undefined {
  for (let dir = directory; dir.startsWith(root); dir = dirname(dir)) {
    const found = join(dir, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return found
  }
  return undefined
}

function collect(name: string, from: string, found: Set<string>): void {
  const directory = locate(name, from)
  if (!directory || found.has(directory) || name.startsWith('@types/')) return
  found.add(directory)
  const facts = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
    optionalDependencies?: Record<string, string>
  }
  for (const dependency of Object.keys({ ...facts.dependencies, ...facts.optionalDependencies }))
    collect(dependency, directory, found)
}

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}
const program = globSync('dist/**/*.js', { cwd: root })
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n')
const isImported = (name: string) => new RegExp(`(?:from|[a-z)]\\()\\s*"${name}"`, 'i').test(program)
const found = new Set<string>()
// The installer brings Node itself, as one file.
for (const name of Object.keys(dependencies)) if (name !== 'node' && isImported(name)) collect(name, root, found)
// A package inside another one's directory comes with it.
const directories = [...found].map((directory) => relative(root, directory)).sort()
const outermost = directories.filter((d) => !directories.some((other) => d.startsWith(`${other}/`)))
process.stdout.write(outermost.map((directory) => `${directory}\n`).join(''))
