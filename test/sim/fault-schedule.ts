// Faults by seed: what breaks when, for how long, and how everything is healed in the end.
import type { SimClock } from './sim-clock.ts'
import type { SimNetwork } from './sim-network.ts'
import type { SimNode } from './sim-node.ts'
import type { SimRandom } from './sim-random.ts'
import type { SimTrace } from './sim-trace.ts'

const PAUSE_BETWEEN_MS_MAX = 1_400
const FAULT_MS_MIN = 50
const FAULT_MS_MAX = 1_500
const LEFT_BEHIND_MS_MIN = 1_500
const LEFT_BEHIND_MS_MAX = 3_500
const STUMBLES_MAX = 3
const STUMBLE_MS_MAX = 800
const CHASE_INTERVAL_MS = 5
const PROMOTE_INTERVAL_MS = 300
const QUICK_RESTART_MS_MAX = 60

export class FaultSchedule {
  readonly #clock: SimClock
  readonly #network: SimNetwork
  readonly #trace: SimTrace
  readonly #nodes: readonly SimNode[]
  readonly #random: SimRandom
  #isActive = true
  #hasWiped = false
  #hasDemoted = false
  /** How long nothing else breaks. */
  #quietMs = 0
  /** Ends of partitions and noise that were replaced by newer ones do nothing. */
  #partitionCount = 0
  faultCount = 0

  constructor(
    world: { clock: SimClock; network: SimNetwork; trace: SimTrace },
    nodes: readonly SimNode[],
    random: SimRandom,
  ) {
    this.#clock = world.clock
    this.#network = world.network
    this.#trace = world.trace
    this.#nodes = nodes
    this.#random = random
  }

  start(): void {
    for (const node of this.#nodes) node.crashesAtRarePlaces = true
    this.#clock.after(this.#random.int(PAUSE_BETWEEN_MS_MAX), () => this.#next())
  }

  /** Crashes nodes while the cluster forms: between the steps of bootstrapping and joining. */
  stumble(): void {
    for (const node of this.#nodes) {
      for (let count = this.#random.int(STUMBLES_MAX + 1); count > 0; count--) {
        this.#clock.after(this.#random.int(STUMBLE_MS_MAX), () => this.#crash(node, true))
      }
    }
  }

  /** Ends all faults and has every node run. */
  heal(): void {
    this.#isActive = false
    this.#trace.line('everything heals')
    this.#network.heal()
    this.#network.setFaults({ dropRate: 0, duplicateRate: 0, reorderRate: 0, disconnectRate: 0, latencyMsMax: 5 })
    for (const node of this.#nodes) {
      node.crashesAtRarePlaces = false
      node.diskDelayMs = 0
      node.resume()
      node.start()
    }
    this.#promoteDemoted()
  }

  get #leader(): SimNode | undefined {
    return this.#nodes.find((node) => node.role === 'leader')
  }

  #next(): void {
    if (!this.#isActive) return
    this.faultCount++
    this.#quietMs = 0
    this.#breakSomething()
    this.#clock.after(1 + this.#quietMs + this.#random.int(PAUSE_BETWEEN_MS_MAX), () => this.#next())
  }

  #breakSomething(): void {
    const draw = this.#random.int(100)
    const node = this.#random.pick(this.#nodes)
    if (draw < 8) this.#leaveBehind(node)
    else if (draw < 16) this.#partition()
    else if (draw < 20) this.#blockOneWay()
    else if (draw < 38) this.#chaseLeaders()
    else if (draw < 45) this.#makeNoise()
    else if (draw < 57) this.#crash(node)
    else if (draw < 62) this.#crashAll()
    else if (draw < 71) this.#pause(node)
    else if (draw < 78) this.#slowDisks()
    else if (draw < 82) node.failDisk()
    else if (draw < 89) this.#restart(node)
    else if (draw < 92) this.#demote(node)
    else if (draw < 95) this.#moveLeadership(node)
    else this.#wipe(node)
  }

  #duration(): number {
    return this.#random.between(FAULT_MS_MIN, FAULT_MS_MAX)
  }

  /** Runs `undo` later, unless everything healed meanwhile. */
  #later(undo: () => void): void {
    this.#clock.after(this.#duration(), () => {
      if (this.#isActive) undo()
    })
  }

  #partition(): void {
    const sides: [string[], string[]] = [[], []]
    for (const node of this.#nodes) sides[this.#random.int(2) as 0 | 1].push(node.options.raftAddress)
    this.#trace.line(`partition ${sides.map((side) => side.join(' ')).join(' | ')}`)
    this.#network.partition(sides)
    this.#healLater()
  }

  /** Cuts off a node that goes on to run, for so long that the others cut away what it lacks. */
  #leaveBehind(node: SimNode): void {
    const others = this.#nodes.filter((other) => other !== node)
    this.#trace.line(`${node.nodeId} is left behind`)
    this.#network.heal()
    this.#network.partition([[node.options.raftAddress], others.map((other) => other.options.raftAddress)])
    this.#quietMs = this.#random.between(LEFT_BEHIND_MS_MIN, LEFT_BEHIND_MS_MAX)
    const count = ++this.#partitionCount
    this.#clock.after(this.#quietMs, () => {
      if (this.#isActive && count === this.#partitionCount) this.#endPartition()
    })
  }

  #blockOneWay(): void {
    const [from, to] = [this.#random.pick(this.#nodes), this.#random.pick(this.#nodes)].map(
      (node) => node.options.raftAddress,
    )
    if (from === undefined || to === undefined || from === to) return
    this.#trace.line(`nothing passes from ${from} to ${to}`)
    this.#network.block(from, to)
    this.#healLater()
  }

  /** Cuts off every leader as soon as it is one, while others come back from a crash: many elections with few witnesses. */
  #chaseLeaders(): void {
    const untilMs = this.#clock.monotonicMs() + this.#duration()
    const count = ++this.#partitionCount
    let chased: SimNode | undefined
    const chase = (): void => {
      if (!this.#isActive || count !== this.#partitionCount) return
      if (this.#clock.monotonicMs() >= untilMs) {
        this.#endPartition()
        return
      }
      const leader = this.#nodes.find((node) => node.role === 'leader' && node !== chased)
      if (leader !== undefined) {
        chased = leader
        this.#isolate(leader)
      }
      this.#clock.after(CHASE_INTERVAL_MS, chase)
    }
    chase()
  }

  #isolate(node: SimNode): void {
    const others = this.#nodes.filter((other) => other !== node)
    this.#trace.line(`${node.nodeId} is alone`)
    this.#network.heal()
    this.#network.partition([[node.options.raftAddress], others.map((other) => other.options.raftAddress)])
    if (this.#random.chance(0.7)) this.#crash(this.#random.pick(others), true)
  }

  #healLater(): void {
    const count = ++this.#partitionCount
    this.#later(() => {
      if (count === this.#partitionCount) this.#endPartition()
    })
  }

  #endPartition(): void {
    this.#trace.line('the partition ends')
    this.#network.heal()
  }

  #makeNoise(): void {
    const rate = (): number => this.#random.int(20) / 100
    const faults = { dropRate: rate(), duplicateRate: rate(), reorderRate: rate(), disconnectRate: rate() / 20 }
    this.#network.setFaults({ ...faults, latencyMsMax: this.#random.pick([5, 20, 100]) })
    this.#trace.line(`noise ${JSON.stringify(faults)}`)
    this.#later(() => this.#network.setFaults({ dropRate: 0, duplicateRate: 0, reorderRate: 0, disconnectRate: 0 }))
  }

  #crash(node: SimNode, isQuick = this.#random.chance(0.5)): void {
    if (this.#random.chance(0.2)) node.kill()
    else node.crash()
    if (isQuick) this.#clock.after(this.#random.int(QUICK_RESTART_MS_MAX), () => node.start())
    else this.#later(() => node.start())
  }

  #crashAll(): void {
    for (const node of this.#nodes) this.#crash(node)
  }

  #pause(node: SimNode): void {
    node.pause()
    this.#later(() => node.resume())
  }

  #slowDisks(): void {
    const delayMs = this.#random.between(5, 200)
    const slow = this.#nodes.filter(() => this.#random.chance(0.5))
    this.#trace.line(`the disks of ${slow.map((node) => node.nodeId).join(' ')} are slow: ${delayMs} ms`)
    for (const node of slow) node.diskDelayMs = delayMs
    this.#later(() => {
      for (const node of slow) node.diskDelayMs = 0
    })
  }

  #restart(node: SimNode): void {
    if (node.isPaused) return
    node.stop(() => {
      if (this.#isActive) this.#later(() => node.start())
      else node.start()
    })
  }

  /** A voter becomes a learner until it is promoted again. Not beside a lost disk: the group would lack two voters. */
  #demote(node: SimNode): void {
    if (this.#hasWiped) return
    this.#hasDemoted = true
    const memberId = node.memberId
    const result = memberId === null ? null : this.#leader?.replica?.changeMembership({ type: 'demote', id: memberId })
    if (result?.ok !== true) return
    this.#trace.line(`${node.nodeId} is demoted`)
    this.#later(() => this.#promoteDemoted())
  }

  /** Asks the leader until nobody is a learner for having been demoted: a change may be refused or lost. */
  #promoteDemoted(): void {
    const members = this.#leader?.replica?.raftStatus()?.membership.members ?? []
    for (const { demoted, id } of members) {
      if (demoted === true) this.#leader?.replica?.changeMembership({ type: 'promote', id })
    }
    this.#clock.after(PROMOTE_INTERVAL_MS, () => this.#promoteDemoted())
  }

  #moveLeadership(node: SimNode): void {
    const memberId = node.memberId
    if (memberId === null || this.#leader?.replica?.transferLeadership(memberId) !== true) return
    this.#trace.line(`leadership moves to ${node.nodeId}`)
  }

  /** At most once a run, and only where every other node is up: more disks lost at once than the group bears is no bug. */
  #wipe(node: SimNode): void {
    if (this.#hasWiped || this.#hasDemoted) return
    const others = this.#nodes.filter((other) => other !== node)
    if (!others.every((other) => other.role === 'leader' || other.role === 'follower')) return
    this.#hasWiped = true
    node.wipe()
    this.#later(() => node.start())
  }
}
