// A seeded run of a cluster under faults, with the safety properties of Figure 3 checked after every step and progress required
// at the end. One step is one message, tick, disk write or fault, so that every interleaving can occur.
import assert from 'node:assert/strict'
import { Cluster } from './cluster-fixture.ts'
import { describeEntry, describeMembership } from './describe-message.ts'
import type { MembershipChange, Message } from '../../src/raft/types.ts'

/** A small seeded generator (mulberry32): the same seed gives the same run. */
export function seededInt(seed: number): (exclusiveMax: number) => number {
  let state = seed >>> 0
  return (exclusiveMax) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * exclusiveMax)
  }
}

/** What happened over all seeds, so that a test can tell that the run was not idle. */
export interface Coverage {
  leaders: number
  committed: number
  readsAnswered: number
  membershipChanges: number
  snapshotsInstalled: number
}

export class FaultyRun {
  readonly #int: (exclusiveMax: number) => number
  readonly #cluster: Cluster
  readonly #coverage: Coverage
  /** Term → its leader (Election Safety). */
  readonly #leaders = new Map<number, string>()
  /** Index → the committed entry (State Machine Safety). */
  readonly #committed = new Map<number, string>()
  #commitMax = 0
  readonly #down = new Set<string>()
  /** Read → commit index that it must not miss. */
  readonly #reads = new Map<string, number>()
  #nextRead = 1
  #nextCommand = 1
  #nextNode = 6

  constructor(seed: number, coverage: Coverage) {
    this.#int = seededInt(seed)
    this.#coverage = coverage
    const size = this.#int(2) === 0 ? 3 : 5
    this.#cluster = new Cluster({
      voters: ['1', '2', '3', '4', '5'].slice(0, size),
      autoPersist: () => false,
      randomInt: (_id, exclusiveMax) => this.#int(exclusiveMax),
      raft: { heartbeatTicks: 2, messageSizeBytesMax: 12, inflightMessagesMax: 3, uncommittedSizeBytesMax: 2000 },
      trace: (event) => {
        if (event.type === 'installed') coverage.snapshotsInstalled++
      },
    })
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#step()
      this.#check()
    }
    this.#recover()
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#int(items.length)]
  }

  #step(): void {
    const ids = [...this.#cluster.nodes.keys()]
    const id = this.#pick(ids) ?? '1'
    const dice = this.#int(1000)
    if (dice < 450) this.#moveMessage()
    else if (dice < 460) this.#fault(id)
    else if (dice < 470) this.#cluster.heal()
    else if (dice < 485) this.#change()
    else if (!this.#down.has(id)) this.#act(id, dice)
  }

  /** Something that only a running node does. */
  #act(id: string, dice: number): void {
    if (dice < 635) this.#cluster.process(id)
    else if (dice < 755) this.#cluster.persist(id, 1 + this.#int(3))
    else if (dice < 895) this.#cluster.raft(id).tick()
    else if (dice < 955) this.#propose()
    else if (dice < 985) this.#read(id)
    else if (dice < 990) this.#cluster.raft(this.#cluster.leader ?? id).transferLeadership()
    else this.#compact(id)
  }

  #moveMessage(): void {
    const { network } = this.#cluster
    if (network.length === 0) return
    // Mostly in order, at times reordered, lost or repeated.
    const dice = this.#int(100)
    const position = dice < 70 ? 0 : this.#int(network.length)
    const [message] = network.splice(position, 1) as [Message]
    if (dice >= 90 && dice < 95 && message.type !== 'InstallSnapshot') network.push(message)
    const rest = this.#cluster.network
    this.#cluster.network = [message]
    if (dice >= 95) this.#cluster.drop()
    else this.#cluster.deliver()
    this.#cluster.network = [...rest, ...this.#cluster.network]
  }

  #propose(): void {
    const { leader } = this.#cluster
    if (leader !== undefined) this.#cluster.propose(leader, `c${this.#nextCommand++}`)
  }

  #read(id: string): void {
    const requestId = this.#nextRead++
    this.#reads.set(`${id} ${requestId}`, this.#commitMax)
    this.#cluster.raft(id).readIndex(requestId)
  }

  #fault(id: string): void {
    const dice = this.#int(3)
    if (dice === 0) this.#cluster.isolate(id)
    else if (dice === 1) this.#cluster.cut(id, this.#pick([...this.#cluster.nodes.keys()]) ?? id)
    else if (this.#down.has(id)) this.#restart(id)
    else if (this.#down.size < 2) {
      this.#cluster.crash(id)
      this.#down.add(id)
    }
  }

  #restart(id: string): void {
    this.#down.delete(id)
    this.#cluster.restart(id)
  }

  #change(): void {
    const { leader } = this.#cluster
    if (leader === undefined) return
    const { membership } = this.#cluster.raft(leader).status()
    const id = this.#pick(membership.members)?.id ?? leader
    const dice = this.#int(4)
    let change: MembershipChange = { type: 'remove', id }
    if (dice === 0 && this.#nextNode < 10)
      change = { type: 'add_learner', member: { id: `${this.#nextNode}`, raftAddress: 'x' } }
    else if (dice === 1) change = { type: 'demote', id }
    else if (dice === 2) change = { type: 'promote', id }
    else if (membership.members.length < 4) return
    const result = this.#cluster.raft(leader).proposeMembership(change)
    if (!result.ok) return
    this.#coverage.membershipChanges++
    if (change.type === 'add_learner') this.#cluster.add(`${this.#nextNode++}`)
  }

  #compact(id: string): void {
    const node = this.#cluster.node(id)
    const isInstalling = node.writes.some((write) => write.install !== null)
    if (!isInstalling && node.disk.state.index > node.log.firstIndex) this.#cluster.compact(id)
  }

  #check(): void {
    for (const [id, node] of this.#cluster.nodes) {
      if (this.#down.has(id)) continue
      const { raft, log } = node
      if (raft.role === 'leader') {
        const known = this.#leaders.get(raft.term)
        if (known === undefined) this.#coverage.leaders++
        assert.ok(known === undefined || known === id, `term ${raft.term} is led by ${known} and ${id}`)
        this.#leaders.set(raft.term, id)
      }
      for (let index = Math.min(this.#commitMax, raft.commitIndex); index <= raft.commitIndex; index++) {
        const entry = index < log.firstIndex ? undefined : log.entries(index, index + 1, 1)?.[0]
        if (entry === undefined) continue
        const known = this.#committed.get(index)
        assert.ok(
          known === undefined || known === describeEntry(entry),
          `${id} committed ${describeEntry(entry)}, not ${known}`,
        )
        this.#committed.set(index, describeEntry(entry))
      }
      if (raft.commitIndex > this.#commitMax) this.#commitMax = raft.commitIndex
      for (const { requestId, readIndex } of node.readStates.splice(0)) {
        const atLeast = this.#reads.get(`${id} ${requestId}`)
        assert.ok(atLeast !== undefined, `read ${requestId} on ${id} was answered twice`)
        this.#reads.delete(`${id} ${requestId}`)
        if (readIndex === null) continue
        this.#coverage.readsAnswered++
        assert.ok(readIndex >= atLeast, `${id} reads at ${readIndex}, but ${atLeast} was committed before it asked`)
      }
    }
  }

  /** Everything works again: a leader must emerge, commit, and everybody catch up (liveness). */
  #recover(): void {
    this.#cluster.heal()
    for (const id of this.#down) this.#restart(id)
    const marker = 'after the faults'
    for (let tick = 0; tick < 600; tick++) {
      for (const [id, node] of this.#cluster.nodes) {
        node.raft.tick()
        this.#cluster.process(id)
        this.#cluster.persist(id)
        this.#check()
      }
      this.#cluster.deliver()
      this.#check()
      const { leader } = this.#cluster
      if (leader === undefined) continue
      if (tick % 50 === 0) this.#cluster.propose(leader, marker)
      if (this.#hasConverged(leader, marker)) {
        this.#coverage.committed += this.#commitMax
        this.#checkLogs(leader)
        return
      }
    }
    assert.fail(`no progress after the faults: ${this.#describe()}`)
  }

  #hasConverged(leader: string, marker: string): boolean {
    const { membership } = this.#cluster.raft(leader).status()
    return membership.members.every(({ id }) => {
      const { commands } = this.#cluster.node(id)
      return commands.includes(marker) && commands.length === this.#cluster.node(leader).commands.length
    })
  }

  /** Log Matching, and equal states on all members. */
  #checkLogs(leader: string): void {
    const expected = this.#cluster.node(leader)
    for (const { id } of expected.raft.status().membership.members) {
      assert.deepEqual(
        this.#cluster.node(id).commands,
        expected.commands,
        `${id} applied something else than ${leader}`,
      )
    }
    for (const entry of expected.log.all()) {
      const known = this.#committed.get(entry.index)
      if (known !== undefined) assert.equal(describeEntry(entry), known)
    }
  }

  #describe(): string {
    const lines = [...this.#cluster.nodes.values()].map(({ id, raft, disk }) => {
      const { role, term, leader, commitIndex, lastIndex, membership, peers } = raft.status()
      const progress = [...peers].map(
        ([peer, p]) => `${peer}:${p.state}/${p.matchIndex}/${p.nextIndex}/${p.inflightMessages}`,
      )
      const at = `term ${term} leader ${leader} commit ${commitIndex} last ${lastIndex} applied ${disk.state.index}`
      return `${id} ${role} ${at} ${describeMembership(membership)} ${progress.join(' ')}`
    })
    return `\n${lines.join('\n')}`
  }
}
