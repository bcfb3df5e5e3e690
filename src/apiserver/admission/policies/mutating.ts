// MutatingAdmissionPolicy at work: the policies that concern a request, by name, and their bindings, one after the other, each seeing what
// the one before it left; once more when something changed the object after those that ask for it.
import { semanticEqual } from '../../../api/meta/equality.ts'
import { StatusError } from '../../../api/meta/errors.ts'
import type { KubeObject } from '../../../api/meta/object.ts'
import { cloneJson } from '../../../api/schema/clone.ts'
import { structFor } from '../../../api/schema/tables.ts'
import type { Obj } from '../../registry/call.ts'
import { complete } from '../../registry/write.ts'
import { type AdmissionRequest, refused } from '../admission.ts'
import { Questions } from '../cel-request.ts'
import { convert } from '../webhooks/equivalents.ts'
import { beforeStorage, replaceObject } from '../webhooks/patched.ts'
import { requestOf, type ShownAs } from '../webhooks/review.ts'
import { type Invocation, Misconfiguration, PolicyMatcher, type PolicyParts, shownAs } from './matcher.ts'
import { applyMutation, MutationProgram } from './mutation-program.ts'
import type { BoundPolicy, MutatingBinding, MutatingPolicy } from './policy-index.ts'
import { PolicyMetrics } from './policy-metrics.ts'

type Invoked = Invocation<MutatingPolicy, MutatingBinding>
interface Failure {
  readonly invoked: Invoked
  readonly message: string
  readonly reason: 'Invalid' | 'Forbidden'
}

/** Between two rounds of a request. */
interface Memory {
  /** Invoked with reinvocationPolicy IfNeeded, and nothing has changed the object since. */
  readonly called: Set<string>
  readonly again: Set<string>
  left: Obj | undefined
}

export class MutatingPolicies {
  readonly #parts: PolicyParts
  readonly #matcher: PolicyMatcher
  readonly #metrics: PolicyMetrics
  readonly #programs = new WeakMap<MutatingPolicy, MutationProgram>()

  constructor(parts: PolicyParts) {
    this.#parts = parts
    this.#matcher = new PolicyMatcher(parts)
    this.#metrics = new PolicyMetrics(parts.metrics, 'mutating')
  }

  /** Changes the request's object in place. @throws StatusError of the first failure */
  async mutate(
    request: AdmissionRequest,
    policies: readonly BoundPolicy<MutatingPolicy, MutatingBinding>[],
  ): Promise<void> {
    const invocations = await this.#matcher.invocations(request, policies)
    if (invocations.length === 0) return
    const memory = memoryOf(request)
    const { rounds } = request
    if (rounds.round === 1 && !semanticEqual(memory.left, request.object)) requireAgain(memory)
    const namespaceObject = (await this.#matcher.namespaceObject(request)) ?? null
    const questions = new Questions(this.#parts.authorize, request)
    const shared = { namespaceObject, ...questions.bindings }
    const failures: Failure[] = []
    let evaluatedAny = false
    for (const invoked of invocations) {
      const { params } = invoked
      if (params instanceof Misconfiguration) {
        failures.push({ invoked, message: `failed to configure binding: ${params.message}`, reason: 'Forbidden' })
        continue
      }
      for (const param of params) {
        const run = new Run(request, invoked, questions, { ...shared, params: param ?? null })
        evaluatedAny = (await this.#invoke(run, param, memory, failures)) || evaluatedAny
      }
    }
    if (evaluatedAny) {
      requireAgain(memory)
      rounds.again = true
    }
    memory.left = request.object && cloneJson(request.object)
    const counted = failures.filter(({ invoked }) => invoked.policy.spec.failurePolicy !== 'Ignore')
    if (counted.length > 0) throw denied(request, counted)
  }

  /** True when a mutation was evaluated. */
  async #invoke(run: Run, param: KubeObject | undefined, memory: Memory, failures: Failure[]): Promise<boolean> {
    const { request, invoked } = run
    const { policy, binding } = invoked
    const program = this.#programOf(policy)
    const fail = (err: Error) => failures.push({ invoked, message: err.message, reason: 'Invalid' })
    const concerned = await run.ask((values) => program.concerns(values))
    if (concerned instanceof Error) fail(concerned)
    if (concerned !== true) return false
    const key = keyOf(invoked, param)
    if (request.rounds.round === 1 && !memory.again.has(key)) return false
    let changed = false
    let evaluatedAny = false
    for (let i = 0; i < program.size && request.object; i++) {
      const startedMs = this.#parts.clock.now()
      const observe = (err: Error | undefined) => {
        const seconds = (this.#parts.clock.now() - startedMs) / 1000
        this.#metrics.observe(policy.metadata.name, binding.metadata.name, err, seconds)
      }
      try {
        const result = await run.mutate(program, i)
        if (result instanceof Error) {
          observe(result)
          fail(result)
          continue
        }
        observe(undefined)
        evaluatedAny = true
        changed = result || changed
      } catch (err) {
        if (err instanceof StatusError) observe(err)
        throw err
      }
    }
    if (changed) {
      requireAgain(memory)
      request.rounds.touched = true
    }
    if (policy.spec.reinvocationPolicy === 'IfNeeded') memory.called.add(key)
    return evaluatedAny
  }

  #programOf(policy: MutatingPolicy): MutationProgram {
    let program = this.#programs.get(policy)
    if (!program) {
      program = new MutationProgram(policy)
      this.#programs.set(policy, program)
    }
    return program
  }
}

/** One policy with one binding and one parameter, on the object as it is by now. */
class Run {
  readonly request: AdmissionRequest
  readonly invoked: Invoked
  readonly #questions: Questions
  readonly #shared: Readonly<Record<string, unknown>>

  constructor(
    request: AdmissionRequest,
    invoked: Invoked,
    questions: Questions,
    shared: Readonly<Record<string, unknown>>,
  ) {
    this.request = request
    this.invoked = invoked
    this.#questions = questions
    this.#shared = shared
  }

  async ask<T>(evaluate: (values: Readonly<Record<string, unknown>>) => T): Promise<T> {
    const shown = await this.#shown()
    return this.#questions.settle(() => evaluate(this.#values(shown)))
  }

  /** Whether the object is another one now; an Error that the policy's failurePolicy speaks to. @throws StatusError */
  async mutate(program: MutationProgram, index: number): Promise<boolean | Error> {
    const { request, invoked } = this
    const { kind } = invoked
    const shown = await this.#shown()
    const patch = await this.#questions.settle(() => program.patchOf(index, this.#values(shown)))
    if (patch instanceof Error) return patch
    const own = shown.object as KubeObject
    const { bodyKind } = request
    const schema = bodyKind ? structFor(bodyKind.group, bodyKind.version, bodyKind.kind) : kind.schema
    const result = applyMutation(schema, own as unknown as Record<string, unknown>, patch)
    if (result instanceof Error) return result
    const next = cloneJson(result) as unknown as KubeObject
    next.apiVersion = own.apiVersion
    next.kind = own.kind
    if (!bodyKind) complete(kind, next)
    if (semanticEqual(next, shown.object)) return false
    replaceObject(request, bodyKind ? next : await convert(next, kind, request.kind))
    return true
  }

  #shown(): Promise<ShownAs> {
    const { request, invoked } = this
    const { object, old, kind, bodyKind } = request
    return shownAs({ object: object && beforeStorage(request, object), old, kind, bodyKind }, invoked.kind)
  }

  #values(shown: ShownAs): Readonly<Record<string, unknown>> {
    return {
      ...this.#shared,
      object: shown.object ?? null,
      oldObject: shown.old ?? null,
      request: () => requestOf('', this.request, shown),
    }
  }
}

function memoryOf({ rounds }: AdmissionRequest): Memory {
  const key = 'MutatingAdmissionPolicy'
  let memory = rounds.memory.get(key) as Memory | undefined
  if (!memory) {
    memory = { called: new Set(), again: new Set(), left: undefined }
    rounds.memory.set(key, memory)
  }
  return memory
}

function requireAgain({ called, again }: Memory): void {
  for (const key of called) again.add(key)
  called.clear()
}

const keyOf = ({ policy, binding }: Invoked, param: KubeObject | undefined): string =>
  JSON.stringify([policy.metadata.name, binding.metadata.name, param?.metadata.namespace, param?.metadata.name])

/** k8s: the code of a refusal stays that of Forbidden, whatever the reason is. */
function denied(request: AdmissionRequest, failures: readonly Failure[]): StatusError {
  const messages = failures.map(
    ({ invoked: { policy, binding }, message }) =>
      `policy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${message}`,
  )
  const { details } = refused(request, '')
  const causes = messages.map((message) => ({ message }))
  return new StatusError(403, failures[0]!.reason, messages[0]!, { ...details, causes })
}
