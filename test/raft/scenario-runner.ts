// Plays a scenario: a text with one command a line, each followed by what it caused. See scenarios/README.md for the commands.
import { must } from '../../src/base/assert.ts'
import { Cluster, type TraceEvent } from './cluster-fixture.ts'
import { describeEntry, describeMembership, describeMessage } from './describe-message.ts'
import type { MembershipChange } from '../../src/raft/types.ts'

/** Returns `text` with the output below each command replaced by what happens now. */
export function playScenario(text: string): string {
  const scenario = new Scenario()
  const lines: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('  ')) continue
    lines.push(line)
    if (line.startsWith('> '))
      for (const output of scenario.run(line.slice(2).trim().split(/\s+/))) lines.push(`  ${output}`)
  }
  return lines.join('\n')
}

class Scenario {
  #cluster = new Cluster()
  #output: string[] = []
  readonly #roles = new Map<string, string>()
  #slowDisks: readonly string[] = []
  #nextReadId = 1

  run(words: readonly string[]): readonly string[] {
    const isQuiet = words[0] === 'quietly'
    const [command = '', ...args] = isQuiet ? words.slice(1) : words
    this.#output = []
    this.#execute(command, args)
    this.#noteRoles()
    return isQuiet ? [] : this.#output
  }

  #execute(command: string, args: readonly string[]): void {
    const cluster = this.#cluster
    const [first = '', second] = args
    const count = second === undefined ? 1 : Number(second)
    switch (command) {
      case 'nodes':
        return this.#createNodes(Number(first), args.slice(1))
      case 'log':
        return this.#preload(first, args.slice(1))
      case 'campaign':
        return cluster.raft(first).campaign()
      case 'tick':
        return this.#tick(args)
      case 'propose':
        return this.#say(cluster.propose(first, ...args.slice(1)))
      case 'change':
        return this.#change(first, args.slice(1))
      case 'transfer':
        return this.#say(cluster.raft(first).transferLeadership(second))
      case 'read':
        return cluster.raft(first).readIndex(this.#nextReadId++)
      case 'stabilize':
        return cluster.stabilize(args.length === 0 ? undefined : args)
      case 'process':
        return cluster.process(first)
      case 'persist':
        return cluster.persist(first, count)
      default:
        return this.#executeFault(command, args)
    }
  }

  #executeFault(command: string, args: readonly string[]): void {
    const cluster = this.#cluster
    const [first = '', second] = args
    switch (command) {
      case 'deliver':
        for (const id of cluster.nodes.keys()) cluster.process(id)
        cluster.deliver(args[0], second)
        return
      case 'drop':
        for (const id of cluster.nodes.keys()) cluster.process(id)
        return cluster.drop(args[0], second)
      case 'partition':
        return cluster.isolate(...args)
      case 'cut':
        return cluster.cut(first, second ?? '')
      case 'heal':
        return cluster.heal()
      case 'crash':
        return cluster.crash(first)
      case 'restart':
        return cluster.restart(first)
      case 'compact':
        return cluster.compact(first)
      case 'join':
        cluster.add(first)
        return
      case 'status':
        return this.#status()
      case 'logs':
        return this.#logs()
      default:
        throw new Error(`unknown command ${command}`)
    }
  }

  /** `nodes 3 learners=1 slow=2 electionTicks=10`: voters from 1 on, then learners. */
  #createNodes(voterCount: number, settings: readonly string[]): void {
    const raft: Record<string, number> = {}
    let learnerCount = 0
    this.#slowDisks = []
    for (const setting of settings) {
      const [name = '', value] = setting.split('=')
      if (name === 'learners') learnerCount = Number(value)
      else if (name === 'slow') this.#slowDisks = (value ?? '').split(',')
      else if (value !== undefined) raft[name] = Number(value)
    }
    const ids = Array.from({ length: voterCount + learnerCount }, (_, i) => `${i + 1}`)
    this.#cluster = new Cluster({
      voters: ids.slice(0, voterCount),
      learners: ids.slice(voterCount),
      autoPersist: (id) => !this.#slowDisks.includes(id),
      raft,
      trace: (event) => this.#note(event),
    })
    for (const id of ids) this.#roles.set(id, this.#roleOf(id))
  }

  /** `log 2 1 1 4 term=5`: terms of the entries, and the node's own term if later. */
  #preload(id: string, args: readonly string[]): void {
    const terms = args.filter((arg) => !arg.startsWith('term=')).map(Number)
    const term = args.find((arg) => arg.startsWith('term='))?.slice('term='.length)
    this.#cluster.node(id).preload(terms, term === undefined ? undefined : Number(term))
  }

  /** `tick 2 10`, or `tick all 10`: ticks one by one, everything delivered in between only for `all`. */
  #tick(args: readonly string[]): void {
    const [id = 'all', count = '1'] = args
    if (id === 'all') return this.#cluster.tick(Number(count))
    for (let i = 0; i < Number(count); i++) this.#cluster.raft(id).tick()
  }

  /** `change 1 add 4`, `change 1 promote 4`, `change 1 address 4 host:1`. */
  #change(leader: string, args: readonly string[]): void {
    const [kind, id = '', raftAddress = `${id}:7000`] = args
    const changes: Record<string, MembershipChange> = {
      add: { type: 'add_learner', member: { id, raftAddress } },
      promote: { type: 'promote', id },
      demote: { type: 'demote', id },
      remove: { type: 'remove', id },
      address: { type: 'set_address', id, raftAddress },
    }
    const change = must(changes[kind ?? ''], `unknown change ${kind}`)
    this.#say(this.#cluster.raft(leader).proposeMembership(change))
  }

  #note(event: TraceEvent): void {
    this.#noteRoles()
    switch (event.type) {
      case 'sent':
        break
      case 'delivered':
        this.#output.push(describeMessage(event.message))
        break
      case 'dropped':
        this.#output.push(`${describeMessage(event.message)} (lost)`)
        break
      case 'persisted': {
        const { id, index, hardState } = event
        if (this.#slowDisks.includes(id)) {
          this.#output.push(
            `${id} has on disk: log to ${index}, term ${hardState.term}, vote ${hardState.votedFor ?? 'none'}`,
          )
        }
        break
      }
      case 'applied':
        this.#noteApplied(event.id, describeEntry(event.entry))
        break
      case 'installed':
        this.#output.push(`${event.id} installs snapshot ${event.meta.index}@${event.meta.term}`)
        break
      case 'read':
        this.#output.push(`${event.id} reads #${event.state.requestId} at ${String(event.state.readIndex)}`)
        break
    }
  }

  /** Entries that a node applies one after the other share a line. */
  #noteApplied(id: string, entry: string): void {
    const prefix = `${id} applies `
    const last = this.#output.at(-1)
    if (last?.startsWith(prefix) === true) this.#output[this.#output.length - 1] = `${last}, ${entry}`
    else this.#output.push(prefix + entry)
  }

  /** Prints each change of role, term or leader since the last look. */
  #noteRoles(): void {
    for (const id of this.#cluster.nodes.keys()) {
      const role = this.#roleOf(id)
      if (this.#roles.get(id) === role) continue
      this.#roles.set(id, role)
      this.#output.push(`${id} is now ${role}`)
    }
  }

  #roleOf(id: string): string {
    const { role, term, leader } = this.#cluster.raft(id)
    return `${role} in term ${term}${leader === null || leader === id ? '' : ` under ${leader}`}`
  }

  #status(): void {
    for (const [id, { raft }] of this.#cluster.nodes) {
      if (this.#cluster.isCrashed(id)) {
        this.#output.push(`${id} is down`)
        continue
      }
      const { commitIndex, lastIndex, membership, peers } = raft.status()
      const at = `commit ${commitIndex} last ${lastIndex} members ${describeMembership(membership)}`
      this.#output.push(`${id} ${this.#roleOf(id)}, ${at}`)
      for (const [peer, { state, matchIndex, nextIndex, inflightMessages, active }] of peers) {
        const inflight = inflightMessages === 0 ? '' : ` inflight ${inflightMessages}`
        this.#output.push(
          `  ${peer} ${state} match ${matchIndex} next ${nextIndex}${inflight}${active ? '' : ' silent'}`,
        )
      }
    }
  }

  #logs(): void {
    for (const { id, log } of this.#cluster.nodes.values()) {
      const base = log.firstIndex === 1 ? '' : `(${log.firstIndex - 1}@${log.termAt(log.firstIndex - 1)}) `
      this.#output.push(`${id}: ${base}${log.all().map(describeEntry).join(', ')}`)
    }
  }

  #say(result: unknown): void {
    if (typeof result === 'boolean') {
      if (!result) this.#output.push('refused')
      return
    }
    const { ok, reason } = result as { ok: boolean; reason?: string }
    if (!ok) this.#output.push(`refused: ${reason}`)
  }
}
