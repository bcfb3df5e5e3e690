// What types and fields are for, in the words of the official client's typings: read out of them when Skiff is built, so that
// `kubectl explain` and OpenAPI documents say what users know from Kubernetes. Without the typings the product's own words remain.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** By the typings' class name (`V1PodSpec`), then by field; the class's own under the empty name. */
export type Descriptions = Record<string, Record<string, string>>

const CLASS = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class (\w+)/
const FIELD = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g

/** @param root of the checkout. Undefined when the client isn't installed. */
export function readDescriptions(root: string): Descriptions | undefined {
  const models = join(root, 'node_modules/@kubernetes/client-node/dist/gen/models')
  if (!existsSync(models)) return undefined
  const all: Descriptions = {}
  for (const file of readdirSync(models).filter((name) => name.endsWith('.d.ts'))) {
    const text = readFileSync(join(models, file), 'utf8')
    const declared = CLASS.exec(text)
    if (!declared) continue
    const words: Record<string, string> = { '': plain(declared[1]!) }
    for (const [, comment, field] of text.matchAll(FIELD)) words[field!] = plain(comment!)
    all[declared[2]!] = words
  }
  return all
}

const plain = (comment: string) =>
  comment
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\\(["'])/g, '$1')
    .trim()
