// What OpenAPI documents and `kubectl explain` say about types and fields: what the build took from the official client's typings
// (scripts/descriptions.ts), else the words of the schema tables. The former are read for a document and forgotten after it.
import { readFileSync } from 'node:fs'
import { describeField, describeType } from '../../api/schema/descriptions.ts'

export interface Words {
  /**
   * @param name an OpenAPI definition name: `io.k8s.api.core.v1.PodSpec`
   * @param own what its kind says of itself
   */
  type(name: string, own?: string): string | undefined
  field(type: string, field: string): string | undefined
}

type Built = Readonly<Record<string, Readonly<Record<string, string>>>>

const BUILT = new URL('./tables/descriptions.json', import.meta.url)

export function openWords(built: Built | undefined = readBuilt()): Words {
  const said = (type: string, field: string) => {
    for (const name of builtNames(type)) {
      const words = built && Object.hasOwn(built, name) ? built[name]! : undefined
      if (words && Object.hasOwn(words, field) && words[field]) return words[field]
    }
    return undefined
  }
  return {
    type: (name, own) => said(name, '') ?? own ?? describeType(name),
    field: (type, field) => said(type, field) ?? describeField(type, field),
  }
}

function readBuilt(): Built | undefined {
  try {
    return JSON.parse(readFileSync(BUILT, 'utf8')) as Built
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined // run from the sources, without a build
    throw err
  }
}

/** `io.k8s.api.rbac.v1.Subject` → `RbacV1Subject`, `V1Subject`: the typings name the group only where two have a type of the name. */
function builtNames(definition: string): string[] {
  const [type = '', version = '', group = ''] = definition.split('.').reverse()
  const short = `${capital(version)}${type}`
  return [`${capital(group)}${short}`, short]
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
