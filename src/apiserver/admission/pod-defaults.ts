// What pods and nodes get without asking: tolerations for a node that is away for a while, a priority from their class, and, for a
// new node, the taint that keeps pods off until it's ready.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { PriorityClass } from '../../api/kinds/priority-class.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { type AdmissionPlugin, refused } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const AWAY_SECONDS = 300
const AWAY_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  concerns: (kind) => isKind(kind, Pod),
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
  concerns: (kind) => isKind(kind, Node),
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
    concerns: (kind) => isKind(kind, Pod) || isKind(kind, PriorityClass),
    async mutate(request) {
      const { kind, operation, subresource, object, old } = request
      if (!isKind(kind, Pod) || subresource !== '' || !object) return
      const { spec } = object as unknown as Pod
      if (operation === 'UPDATE') return keepPriority(spec, (old as DeepReadonly<Pod>).spec)
      if (operation !== 'CREATE') return
      const chosen = await classOf(lookup, spec.priorityClassName)
      if (spec.priorityClassName && !chosen) {
        throw refused(request, `no PriorityClass with name ${spec.priorityClassName} was found`)
      }
      const value = chosen?.value ?? 0
      if (spec.priority !== undefined && spec.priority !== value) {
        throw refused(request, mustNotBeProvided('integer value of priority', spec.priority, value))
      }
      const policy = (chosen?.preemptionPolicy ?? 'PreemptLowerPriority') as 'Never' | 'PreemptLowerPriority'
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
        throw refused(request, mustNotBeProvided('string value of PreemptionPolicy', spec.preemptionPolicy, policy))
      }
      if (chosen) spec.priorityClassName = chosen.metadata.name
      spec.priority = value
      spec.preemptionPolicy = policy
    },
    async validate(request) {
      const { kind, operation, object, name } = request
      if (!isKind(kind, PriorityClass) || operation === 'DELETE') return
      if (!(object as unknown as PriorityClass).globalDefault) return
      const other = (await lookup.list(PriorityClass)).find((c) => c.globalDefault && c.metadata.name !== name)
      if (!other) return
      const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`
      throw refused(request, why)
    },
  }
}

const mustNotBeProvided = (what: string, given: unknown, computed: unknown) =>
  `the ${what} (${given}) must not be provided in pod spec; priority admission controller computed ${computed} from the given PriorityClass name`

/** k8s: clients that don't know these fields don't take them away. */
function keepPriority(spec: Pod['spec'], old: DeepReadonly<Pod>['spec']): void {
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined) {
    spec.preemptionPolicy = old.preemptionPolicy
  }
}

async function classOf(lookup: Lookup, name: string | undefined): Promise<DeepReadonly<PriorityClass> | undefined> {
  if (name) return lookup.get(PriorityClass, name)
  const defaults = (await lookup.list(PriorityClass)).filter((c) => c.globalDefault)
  return defaults.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0]
}
