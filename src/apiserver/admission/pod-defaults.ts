// What pods and nodes get without asking: tolerations for a node that is away for a while, a priority from their class, and, for a
// new node, the taint that keeps pods off until it's ready.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { PriorityClass } from '../../api/kinds/priority-class.ts'
import { forbidden } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const AWAY_SECONDS = 300
const AWAY_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  mutate({ kind, operation, subresource, object }) {
    if (!isKind(kind, Pod) || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const { spec } = object as unknown as Pod
    for (const key of AWAY_TAINTS) {
      const tolerated = spec.tolerations?.some(
        (t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect),
      )
      if (tolerated) continue
      const toleration = {
        key,
        operator: 'Exists' as const,
        effect: 'NoExecute' as const,
        tolerationSeconds: AWAY_SECONDS,
      }
      spec.tolerations = [...(spec.tolerations ?? []), toleration]
    }
  },
}

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  mutate({ kind, operation, subresource, object }) {
    if (!isKind(kind, Node) || operation !== 'CREATE' || subresource !== '') return
    const node = object as unknown as Node
    const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' as const }
    const taints = node.spec?.taints ?? []
    if (taints.some((t) => t.key === taint.key && t.effect === taint.effect)) return
    node.spec = { ...node.spec, taints: [...taints, taint] }
  },
}

export function priority(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'Priority',
    async mutate({ kind, operation, subresource, object, name }) {
      if (!isKind(kind, Pod) || operation !== 'CREATE' || subresource !== '') return
      const { spec } = object as unknown as Pod
      const chosen = await classOf(lookup, spec.priorityClassName)
      if (spec.priorityClassName && !chosen) {
        throw forbidden(refOf(kind), name, `no PriorityClass with name ${spec.priorityClassName} was found`)
      }
      const value = chosen?.value ?? 0
      if (spec.priority !== undefined && spec.priority !== value) {
        const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`
        throw forbidden(refOf(kind), name, why)
      }
      if (chosen) spec.priorityClassName = chosen.metadata.name
      spec.priority = value
      spec.preemptionPolicy ??= (chosen?.preemptionPolicy ?? 'PreemptLowerPriority') as 'Never' | 'PreemptLowerPriority'
    },
    async validate({ kind, object, name }) {
      if (!isKind(kind, PriorityClass) || !object || !(object as unknown as PriorityClass).globalDefault) return
      const other = (await lookup.list(PriorityClass)).find((c) => c.globalDefault && c.metadata.name !== name)
      if (!other) return
      const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`
      throw forbidden(refOf(kind), name, why)
    },
  }
}

async function classOf(lookup: Lookup, name: string | undefined): Promise<DeepReadonly<PriorityClass> | undefined> {
  if (name) return lookup.get(PriorityClass, name)
  const defaults = (await lookup.list(PriorityClass)).filter((c) => c.globalDefault)
  return defaults.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0]
}
