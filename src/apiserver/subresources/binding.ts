// Binding a pod to a node, by POST to the pod's binding subresource or to the older `bindings` resource. k8s: happens once; it
// isn't an edit of the pod, so that nobody owns the field for it.
import { defineKind, type Kind } from '../../api/kinds/kind.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { badRequest, conflict, type FieldError, notSupported, required } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Binding as BindingObject } from '../../api/types/core.v1.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { type Call, callOn, type Obj, type Registry, refOf } from '../registry/call.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import { change } from '../registry/update.ts'
import { admitBody, refuseInvalid } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'

export const Binding = defineKind<BindingObject & KubeObject>({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  scope: 'Namespaced',
  verbs: ['create'],
  description: 'Binding ties one object to another: a pod to the node it runs on.',
}) as unknown as Kind

const bindingEndpoint: Endpoint = {
  subresource: 'binding',
  creates: false,
  restrict: () => {},
  errors: () => [],
  admission: 'none',
}

export async function bind(registry: Registry, call: Call): Promise<ApiResponse> {
  const options = parseWriteOptions(call, 'CreateOptions')
  const { body, headers } = call.request
  const { object } = decodeBody(Binding, body, headers['content-type'], options.validation)
  const binding = object as unknown as BindingObject & KubeObject
  binding.metadata ??= {} as KubeObject['metadata']
  const name = call.info.name || binding.metadata?.name || ''
  const errors = bindingErrors(binding)
  if (!name) errors.push(required('metadata.name', 'name is required'))
  refuseInvalid(Binding, name, errors)
  if (binding.metadata?.name && binding.metadata.name !== name) {
    throw badRequest('name in URL does not match name in Binding object')
  }
  const podCall = callOn(call, {
    kind: Pod as unknown as Kind,
    info: { ...call.info, resource: 'pods', subresource: 'binding', name },
  })
  binding.metadata = { ...binding.metadata, name, namespace: call.info.namespace }
  await admitBody(registry, podCall, Binding, binding, options.dryRun)
  await change(registry, podCall, bindingEndpoint, options, false, (old) => ({
    object: assigned(podCall, old!, binding, registry.clock.now()),
    fieldsTracked: true,
  }))
  return objectResponse(
    { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
    { status: 201 },
  )
}

function bindingErrors({ target }: BindingObject): FieldError[] {
  const errors: FieldError[] = []
  if (target?.kind && target.kind !== 'Node') errors.push(notSupported('target.kind', target.kind, ['Node', '<empty>']))
  if (!target?.name) errors.push(required('target.name'))
  return errors
}

interface PodFields {
  spec: { nodeName?: string; schedulingGates?: unknown[] }
  status?: { conditions?: { type: string; status: string; lastTransitionTime?: string }[] }
}

function assigned(call: Call, old: Obj, binding: BindingObject & KubeObject, nowMs: number): KubeObject {
  const object = cloneJson(old) as KubeObject & PodFields
  const { name } = old.metadata
  const refuse = (why: string) => conflict({ ...refOf(call.kind), resource: 'pods/binding' }, name, why)
  const { uid } = binding.metadata
  if (uid && uid !== old.metadata.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`)
  }
  if (old.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  if (object.spec.nodeName) {
    throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(object.spec.nodeName)}`)
  }
  if (object.spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)
  object.spec.nodeName = binding.target.name
  const { annotations, labels } = binding.metadata
  if (annotations) object.metadata.annotations = { ...object.metadata.annotations, ...annotations }
  // k8s: the pod's own labels win.
  if (labels) object.metadata.labels = { ...labels, ...object.metadata.labels }
  const conditions = (object.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(nowMs) }
  object.status = { ...object.status, conditions: [...conditions, scheduled] }
  return object
}
