// Bundles src/main.ts into dist/, so that a start reads a few files instead of hundreds. Run by the launcher and `npm run build`.
// Packages with native code or data files of their own stay in node_modules.
import { cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { readDescriptions } from './descriptions.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/**
 * What dockerode can do over SSH and BuildKit sessions, and fastify with schemas of routes and requests without a network, is never
 * used here, and the packages for it cost memory and start time: in the bundle they are an object that says so when it is touched.
 */
const UNUSED = [
  ...['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs'],
  ...['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
]
const withoutUnused: Plugin = {
  name: 'without-unused',
  setup(setup) {
    const filter = new RegExp(`^(${UNUSED.map((name) => name.replaceAll('/', '\\/')).join('|')})$`)
    setup.onResolve({ filter }, ({ path }) => ({ path, namespace: 'unused' }))
    setup.onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({
      contents: `const refuse = () => { throw new Error('${path} is not part of this build') }
module.exports = new Proxy({}, { get: (_, key) => (key === '__esModule' ? false : refuse) })`,
      loader: 'js',
    }))
  },
}

mkdirSync(dist, { recursive: true })
for (const stale of ['chunks', 'compile-cache']) rmSync(join(dist, stale), { recursive: true, force: true })
await build({
  entryPoints: { skiff: join(root, 'src/main.ts') },
  outdir: dist,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: false,
  logLevel: 'warning',
  external: ['level', '@peculiar/x509'],
  plugins: [withoutUnused],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})
// The schema tables are read next to the code that reads them, wherever the bundler put it.
for (const target of [join(dist, 'tables'), join(dist, 'chunks/tables')]) {
  cpSync(join(root, 'src/api/schema/tables'), target, { recursive: true })
}
const descriptions = readDescriptions(root)
if (descriptions) {
  const text = JSON.stringify(descriptions)
  for (const dir of ['tables', 'chunks/tables']) writeFileSync(join(dist, dir, 'descriptions.json'), text)
}
const now = new Date()
utimesSync(join(dist, 'skiff.js'), now, now)
