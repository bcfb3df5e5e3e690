// For tests: Services and EndpointSlices from short descriptions, and a cache that holds what it is told to.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { Service, ServiceSpec } from '../../api/types/core.v1.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery.v1.ts'
import type { Cache, ChangeHandler } from '../../client/cache.ts'

const meta = (name: string, namespace: string, labels?: Record<string, string>) => ({
  name,
  namespace,
  uid: `uid-${namespace}-${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels,
})

export const makeNamespace = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { ...meta(name, ''), namespace: undefined },
})

export const makeService = (name: string, spec: ServiceSpec, namespace = 'blue'): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name, namespace),
  spec: { ...spec, ...(spec.clusterIP && { clusterIPs: spec.clusterIPs ?? [spec.clusterIP] }) },
})

export const makeSlice = (
  service: string,
  endpoints: Endpoint[],
  ports: EndpointPort[] = [{ name: 'http', protocol: 'TCP', port: 8080 }],
  namespace = 'blue',
  suffix = 'abcde',
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: meta(`${service}-${suffix}`, namespace, { 'kubernetes.io/service-name': service }),
  addressType: endpoints[0]?.addresses[0]?.includes(':') ? 'IPv6' : 'IPv4',
  endpoints,
  ports,
})

export class HeldCache implements Cache {
  readonly #objects = new Map<string, KubeObject>()
  readonly #handlers: { kind: string; handler: ChangeHandler<KubeObject> }[] = []

  put(...objects: KubeObject[]): void {
    for (const object of objects) {
      const key = this.#key(object)
      const old = this.#objects.get(key)
      this.#objects.set(key, object)
      this.#tell({ type: old ? 'updated' : 'added', object, old })
    }
  }

  remove(object: KubeObject): void {
    this.#objects.delete(this.#key(object))
    this.#tell({ type: 'deleted', object, old: undefined })
  }

  watch<T extends KubeObject>(kind: Kind<T>, onChange?: ChangeHandler<T>): () => void {
    const entry = { kind: kind.kind, handler: onChange as unknown as ChangeHandler<KubeObject> }
    if (!onChange) return () => {}
    this.#handlers.push(entry)
    for (const object of this.#objects.values()) {
      if (object.kind === kind.kind) entry.handler({ type: 'added', object, old: undefined })
    }
    return () => {
      this.#handlers.splice(this.#handlers.indexOf(entry), 1)
    }
  }

  forget(): void {}

  async synced(): Promise<void> {}
  get(): undefined {}
  list(): [] {
    return []
  }
  hasSeen(): boolean {
    return true
  }

  #key({ kind, metadata }: KubeObject) {
    return `${kind} ${metadata.namespace ?? ''} ${metadata.name}`
  }
  #tell(change: Parameters<ChangeHandler<KubeObject>>[0]) {
    for (const { kind, handler } of this.#handlers) if (kind === change.object.kind) handler(change)
  }
}
