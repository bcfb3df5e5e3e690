// The language of stories: one command a line, blocks indented below it. Time stands still but for `advance` and `until`.
//   node a b                         nodes that are ready          silence a / wake a       a node stops and starts to report
//   namespace blue                   where names are looked for    break / mend, hold / release <labels>   see fake-kubelet.ts
//   apply <yaml>                     creates or changes            patch web.deploy <json>  a merge patch
//   delete web.deploy [policy]       or: delete pods app=web       advance 30s
//   own a.cm b.cm c.cm               b and c own a                 restart                 the controllers
//   until, never, expect <claim>     reached within ten minutes; at no moment from here on; now
//   events web.deploy <lines>        exactly these, in order; `*` stands for anything within a word
// A claim: `web.deploy .status.replicas == 3`, `web.deploy gone`, `pods app=web ready == 3` (or `live`: not being deleted),
// `pods app=web .spec.nodeName == a` (of each).
import assert from 'node:assert/strict'
import { parseAllDocuments } from 'yaml'
import { builtinKinds } from '../../src/api/kinds/builtin.ts'
import type { CustomResourceDefinition } from '../../src/api/kinds/custom-resource-definition.ts'
import { Event } from '../../src/api/kinds/event.ts'
import type { Kind } from '../../src/api/kinds/kind.ts'
import type { Pod } from '../../src/api/kinds/pod.ts'
import { isNotFound } from '../../src/api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../src/api/meta/object.ts'
import { isPodReady } from '../../src/api/meta/pods.ts'
import { parseDuration } from '../../src/api/meta/time.ts'
import { customKind } from '../../src/client/custom-kinds.ts'
import { type Cluster, startCluster } from './cluster.ts'

const LIMIT_MS = 10 * 60_000

interface Command {
  line: number
  verb: string
  args: string
  block: string
}

export function parseStory(text: string): Command[] {
  const commands: Command[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s/.test(line) && commands.length > 0) {
      const last = commands.at(-1)!
      last.block += `${line.replace(/^ {2}/, '')}\n`
      continue
    }
    if (!line.trim() || line.startsWith('#')) continue
    const [, verb = '', args = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? []
    commands.push({ line: index + 1, verb, args: args.trim(), block: '' })
  }
  return commands
}

export async function tellStory(text: string): Promise<void> {
  const cluster = await startCluster()
  const teller = new Teller(cluster)
  try {
    for (const command of parseStory(text)) {
      try {
        await teller.run(command)
      } catch (err) {
        const where = `line ${command.line}: ${command.verb} ${command.args}`
        throw new Error(`${where}\n${(err as Error).message}`, { cause: err })
      }
    }
  } finally {
    await cluster.stop()
  }
}

class Teller {
  readonly #cluster: Cluster
  readonly #never: string[] = []
  #namespace = 'default'

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async run({ verb, args, block }: Command): Promise<void> {
    const { kubelets } = this.#cluster
    switch (verb) {
      case 'node':
        for (const name of args.split(/\s+/)) await kubelets.start(name)
        return await this.#settle()
      case 'silence':
        return kubelets.stop(args)
      case 'wake':
        await kubelets.start(args)
        return await this.#settle()
      case 'break':
        return kubelets.breakPods(args)
      case 'mend':
        kubelets.mendPods()
        return await this.#settle()
      case 'hold':
        return kubelets.holdPods(args)
      case 'release':
        kubelets.releasePods()
        return await this.#settle()
      case 'restart':
        await this.#cluster.restartControllers()
        return await this.#settle()
      case 'namespace':
        this.#namespace = args
        return
      case 'apply':
        return await this.#apply(block)
      case 'patch':
        return await this.#patch(args, block)
      case 'own':
        return await this.#own(args.split(/\s+/))
      case 'delete':
        return await this.#delete(args)
      case 'advance':
        return await this.#advance(duration(args))
      case 'until':
        return await this.#until(args)
      case 'never':
        this.#never.push(args)
        return await this.#check()
      case 'expect': {
        const { holds, found } = await this.#claim(args)
        assert.ok(holds, `found ${found}`)
        return
      }
      case 'events':
        return await this.#events(args, block)
      default:
        throw new Error(`no such command: ${verb}`)
    }
  }

  async #apply(block: string): Promise<void> {
    const { ctx, client } = this.#cluster
    for (const document of parseAllDocuments(block)) {
      const object = document.toJS() as KubeObject
      const kind = kindNamed(object.kind)
      declare(object)
      const namespace = kind.scope === 'Namespaced' ? (object.metadata.namespace ?? this.#namespace) : undefined
      const target = { name: object.metadata.name, namespace }
      await client.patch(ctx, kind, target, { type: 'apply', body: object, force: true }, { fieldManager: 'story' })
    }
    await this.#settle()
  }

  async #patch(args: string, block: string): Promise<void> {
    const [subject = '', ...rest] = args.split(/\s+/)
    const { kind, name } = parseSubject(subject)
    const body = JSON.parse(rest.join(' ') || block) as object
    await this.#cluster.client.patch(
      this.#cluster.ctx,
      kind,
      { name, namespace: this.#scope(kind) },
      { type: 'merge', body },
    )
    await this.#settle()
  }

  async #own([dependent = '', ...owners]: string[]): Promise<void> {
    const { ctx, client } = this.#cluster
    const { kind, name } = parseSubject(dependent)
    const ownerReferences = []
    for (const owner of owners.map(parseSubject)) {
      const { metadata } = (await this.#get(owner.kind, owner.name))!
      const { apiVersion, kind } = owner.kind
      ownerReferences.push({ apiVersion, kind, name: owner.name, uid: metadata.uid, blockOwnerDeletion: true })
    }
    const body = { metadata: { ownerReferences } }
    await client.patch(ctx, kind, { name, namespace: this.#scope(kind) }, { type: 'merge', body })
    await this.#settle()
  }

  async #delete(args: string): Promise<void> {
    const { ctx, client } = this.#cluster
    const [what = '', how] = args.split(/\s+/)
    if (!what.includes('.')) {
      await client.deleteCollection(ctx, kindNamed(what), { namespace: this.#namespace, labelSelector: how })
    } else {
      const { kind, name } = parseSubject(what)
      const propagationPolicy = how as 'Foreground' | undefined
      await client.delete(
        ctx,
        kind,
        { name, namespace: this.#scope(kind) },
        propagationPolicy ? { propagationPolicy } : {},
      )
    }
    await this.#settle()
  }

  /** Time passes from timer to timer, so that what each sets off has happened before the next. */
  async #advance(ms: number): Promise<void> {
    const { clock } = this.#cluster
    const endMs = clock.now() + ms
    while (clock.now() < endMs) {
      await clock.advance(Math.min(clock.untilNextMs() ?? Number.POSITIVE_INFINITY, endMs - clock.now()))
      await this.#settle()
    }
  }

  async #until(text: string): Promise<void> {
    const { clock } = this.#cluster
    const endMs = clock.now() + LIMIT_MS
    for (;;) {
      const { holds, found } = await this.#claim(text)
      if (holds) return
      assert.ok(clock.now() < endMs, `not within ten minutes; last found ${found}`)
      await this.#advance(Math.max(1, Math.min(clock.untilNextMs() ?? 1000, 1000)))
    }
  }

  async #settle(): Promise<void> {
    await this.#cluster.settle()
    await this.#check()
  }

  async #check(): Promise<void> {
    for (const text of this.#never) {
      const { holds, found } = await this.#claim(text)
      assert.ok(!holds, `never ${text}: found ${found}`)
    }
  }

  async #claim(text: string): Promise<{ holds: boolean; found: string }> {
    const words = text.split(/\s+/)
    const subject = words[0]!
    if (!subject.includes('.')) return await this.#claimOfMany(subject, words.slice(1))
    const { kind, name } = parseSubject(subject)
    const object = await this.#get(kind, name)
    if (words[1] === 'gone') return { holds: !object, found: object ? 'it' : 'nothing' }
    if (words[1] === 'exists') return { holds: !!object, found: object ? 'it' : 'nothing' }
    return compare(object && valueAt(object, words[1]!), words[2]!, words.slice(3).join(' '))
  }

  async #claimOfMany(resource: string, words: string[]): Promise<{ holds: boolean; found: string }> {
    const { ctx, client } = this.#cluster
    const kind = kindNamed(resource)
    const labelSelector = /^[^=!<>]+=/.test(words[0] ?? '') ? words.shift() : undefined
    const { items } = await client.list(ctx, kind, { namespace: this.#scope(kind), labelSelector })
    if (words[0]?.startsWith('.')) {
      const [path = '', op = '', ...value] = words
      const results = items.map((item) => compare(valueAt(item, path), op, value.join(' ')))
      return { holds: results.every((r) => r.holds), found: results.map((r) => r.found).join(', ') }
    }
    let counted = items
    if (words[0] === 'ready') counted = items.filter((item) => isPodReady(item as unknown as DeepReadonly<Pod>))
    if (words[0] === 'live') counted = items.filter((item) => !item.metadata.deletionTimestamp)
    if (words[0] === 'ready' || words[0] === 'live') words.shift()
    return compare(counted.length, words[0]!, words.slice(1).join(' '))
  }

  async #events(subject: string, block: string): Promise<void> {
    const { ctx, client } = this.#cluster
    const { kind, name } = parseSubject(subject)
    const { items } = await client.list(ctx, Event, { namespace: this.#scope(kind) ?? 'default' })
    const actual = items
      .filter(({ involvedObject: about }) => about.kind === kind.kind && about.name === name)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map(({ type, reason, message }) => `${type} ${reason} ${message}`)
    const expected = block.split('\n').filter(Boolean)
    const masked = actual.map((line, i) => (matchesPattern(line, expected[i]) ? expected[i] : line))
    assert.deepEqual(masked, expected)
  }

  async #get(kind: Kind, name: string) {
    try {
      return await this.#cluster.client.get(this.#cluster.ctx, kind, name, this.#scope(kind))
    } catch (err) {
      if (isNotFound(err)) return undefined
      throw err
    }
  }

  #scope(kind: Kind): string | undefined {
    return kind.scope === 'Namespaced' ? this.#namespace : undefined
  }
}

/** `web.deploy`: the last part names the kind. */
function parseSubject(text: string): { name: string; kind: Kind } {
  const dot = text.lastIndexOf('.')
  return { name: text.slice(0, dot), kind: kindNamed(text.slice(dot + 1)) }
}

/** Kinds that the stories' own definitions declare. */
const customs: Kind<never>[] = []

/** A definition makes its kind known to the lines that follow. */
function declare(object: KubeObject): void {
  if (object.kind !== 'CustomResourceDefinition') return
  const established = { conditions: [{ type: 'Established', status: 'True' }] }
  const kind = customKind({ ...(object as unknown as CustomResourceDefinition), status: established })
  if (kind) customs.push(kind)
}

function kindNamed(name: string): Kind {
  const found = [...builtinKinds, ...customs].find(({ kind, plural, singular, shortNames }) =>
    [kind, plural, singular, ...shortNames].includes(name),
  )
  if (!found) throw new Error(`no such kind: ${name}`)
  return found as unknown as Kind
}

/** `.status.conditions[Ready].status`: list items by their type or name. */
function valueAt(object: unknown, path: string): unknown {
  let value = object
  for (const [, field, key] of path.matchAll(/\.([^.[\]]+)|\[([^\]]+)\]/g)) {
    if (value === undefined || value === null) return undefined
    if (field) value = (value as Record<string, unknown>)[field]
    else if (Array.isArray(value)) value = value.find((v, i) => [v?.type, v?.name, v?.key, String(i)].includes(key))
    else value = (value as Record<string, unknown>)[key!]
  }
  return value
}

function compare(actual: unknown, op: string, expected: string): { holds: boolean; found: string } {
  const text = typeof actual === 'string' ? actual : (JSON.stringify(actual) ?? 'nothing')
  const number = Number(actual ?? 0)
  const holds =
    op === '=='
      ? matchesPattern(text, expected) || (actual === undefined && expected === '0')
      : op === '!='
        ? !matchesPattern(text, expected)
        : op === '>'
          ? number > Number(expected)
          : op === '<'
            ? number < Number(expected)
            : undefined
  if (holds === undefined) throw new Error(`no such comparison: ${op}`)
  return { holds, found: text }
}

function matchesPattern(text: string, pattern: string | undefined): boolean {
  if (pattern === undefined) return false
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(text)
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`not a duration: ${text}`)
  return ms
}
