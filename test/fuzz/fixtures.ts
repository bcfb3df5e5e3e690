// Valid objects of every kind, from test/fixtures/kinds and for custom resources: what the fuzz suite fills servers with and changes.
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'
import type { Kind } from '../../src/api/kinds/kind.ts'
import { cronTab, cronTabs, cronTabVersion, SPEC } from '../../src/apiserver/crd/crd-fixtures.ts'

// biome-ignore lint/suspicious/noExplicitAny: fixtures of every kind
export type Json = any

const FOLDER = new URL('../fixtures/kinds/', import.meta.url)
const SOURCES = new URL('../../src/api/kinds/', import.meta.url)

/** Addresses at which nobody answers, at once. */
export const NOWHERE = ['https://127.0.0.1:1/', 'https://127.0.0.1:1/a?b#c', 'https://x:y@127.0.0.1:1/', 'http://a', '']

/** By group, version and kind name. */
const byKind = new Map<string, Json[]>()
const keyOf = ({ group, version, kind }: Kind) => `${group}/${version}/${kind}`

for (const file of readdirSync(FOLDER)) {
  const module = (await import(new URL(`${basename(file, '.yaml')}.ts`, SOURCES).href)) as Record<string, unknown>
  const { valid } = parse(readFileSync(new URL(file, FOLDER), 'utf8')) as { valid: Record<string, object> }
  for (const value of Object.values(module)) {
    const kind = value as Kind
    if (typeof kind !== 'object' || kind === null || !('plural' in kind) || !('schema' in kind)) continue
    const { apiVersion } = kind
    byKind.set(
      keyOf(kind),
      Object.values(valid).map((object) => harmless({ apiVersion, kind: kind.kind, ...object })),
    )
  }
}

/** Hooks of the fixtures would be asked about every other write. */
function harmless(object: Json): Json {
  for (const hook of object.webhooks ?? []) {
    hook.clientConfig = { url: NOWHERE[0] }
    hook.rules ??= [{ apiGroups: [''], apiVersions: ['v1'], resources: ['events'], operations: ['DELETE'] }]
  }
  return object
}

const rule = (text: string, more: object = {}) => ({ rule: text, ...more })
/** With rules, several versions and everything else that a definition may say. */
export const RULED = cronTabs([
  cronTabVersion({
    name: 'v1',
    schema: {
      openAPIV3Schema: {
        type: 'object',
        'x-kubernetes-validations': [rule('!has(self.spec) || self.metadata.name.size() < 60')],
        properties: {
          spec: {
            ...SPEC,
            'x-kubernetes-validations': [
              rule('self.replicas <= 10', {
                messageExpression: "self.replicas > 5 ? 'far too many' : 'odd'",
                reason: 'FieldValueInvalid',
              }),
              rule('oldSelf.cronSpec == self.cronSpec || self.replicas > 1', { fieldPath: '.cronSpec' }),
            ],
          },
          status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.selector',
      },
    },
    additionalPrinterColumns: [
      { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
      { name: 'Steps', type: 'string', jsonPath: '.spec.steps[*].name', priority: 1 },
    ],
    selectableFields: [{ jsonPath: '.spec.image' }],
  }),
  cronTabVersion({ name: 'v2', storage: false }),
])

const CRON_TABS = [
  cronTab('one', {
    image: 'abc',
    tags: ['a', 'b'],
    steps: [{ name: 's' }],
    env: { A: 'b' },
    free: { x: [1] },
    port: 80,
  }),
  cronTab('two', { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'in' } }, place: { room: 'r' } }),
]

export function fixturesOf(kind: Kind): readonly Json[] {
  if (kind.custom) return CRON_TABS.map((one) => ({ ...one, apiVersion: kind.apiVersion, kind: kind.kind }))
  if (kind.kind === 'CustomResourceDefinition') return [...byKind.get(keyOf(kind))!, RULED]
  return byKind.get(keyOf(kind)) ?? []
}

/** Every word in them: names and values that mean something somewhere. */
export const WORDS: readonly string[] = [...new Set(wordsIn([...byKind.values(), [RULED], CRON_TABS]))]

function wordsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.length < 60 ? [value] : []
  if (Array.isArray(value)) return value.flatMap(wordsIn)
  if (value !== null && typeof value === 'object') return Object.entries(value).flatMap(([k, v]) => [k, ...wordsIn(v)])
  return []
}
