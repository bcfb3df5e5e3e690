// The one place that loads the YAML package at run time. It takes a while and most processes never need it, so it is loaded at the
// first use, and by `require`: it is CommonJS, which the bundler gives no named exports when it is imported dynamically.
import { createRequire } from 'node:module'

export type Yaml = typeof import('yaml')
let yaml: Yaml | undefined

export function loadYaml(): Yaml {
  yaml ??= createRequire(import.meta.url)('yaml') as Yaml
  return yaml
}
