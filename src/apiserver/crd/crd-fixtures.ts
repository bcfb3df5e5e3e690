// For tests: definitions of custom resources, and waiting until one is served.
import type { TestApi } from '../test-api.ts'

export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
export const CRON_TABS = '/apis/stable.example.com/v1/namespaces/default/crontabs'

export const SPEC = {
  type: 'object',
  required: ['cronSpec'],
  properties: {
    cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
    image: { type: 'string', minLength: 2, maxLength: 20 },
    replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
    suspend: { type: 'boolean', nullable: true },
    policy: { type: 'string', enum: ['Allow', 'Forbid'], default: 'Allow' },
    port: { 'x-kubernetes-int-or-string': true },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    steps: {
      type: 'array',
      maxItems: 3,
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, run: { type: 'string', default: 'true' } },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    env: { type: 'object', additionalProperties: { type: 'string' } },
    place: {
      type: 'object',
      'x-kubernetes-map-type': 'atomic',
      properties: { room: { type: 'string' }, floor: { type: 'integer' } },
    },
    template: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    },
  },
}
const STATUS = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    selector: { type: 'string' },
    conditions: {
      type: 'array',
      items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } },
    },
  },
}

/** A version of CronTab. */
export const cronTabVersion = (more: object = {}) => ({
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: SPEC, status: STATUS } } },
  ...more,
})

export const cronTabs = (versions: object[] = [cronTabVersion()], more: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'crontabs.stable.example.com' },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
    versions,
    ...more,
  },
})

export const cronTab = (name: string, spec: object = {}, more: object = {}) => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name },
  spec: { cronSpec: '* * * * */5', ...spec },
  ...more,
})

/** Creates a definition and waits, by watching, until it is established. Returns it as it is then. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
export async function establish(api: TestApi, definition: { metadata: { name: string } } & object): Promise<any> {
  const created = await api.post(CRDS, definition)
  if (created.status !== 201) throw new Error(created.body.message)
  const { name, resourceVersion } = created.body.metadata
  const watch = await api.watch(`${CRDS}?fieldSelector=metadata.name=${name}&resourceVersion=${resourceVersion}`)
  try {
    for (;;) {
      const { object } = await watch.next()
      const conditions = object.status?.conditions as { type: string; status: string }[] | undefined
      if (conditions?.some((c) => c.type === 'Established' && c.status === 'True')) return object
    }
  } finally {
    watch.stop()
  }
}
