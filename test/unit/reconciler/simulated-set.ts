// A StatefulSet, its kubelet and a Raft group as simple values, for property tests of the planner: pods come and go, disks are
// lost, writes are acknowledged by majorities, and every change of the membership is checked as it is made.
import type { Action } from '../../../src/reconciler/plan.ts'
import type { PodView, RaftView, Snapshot } from '../../../src/reconciler/snapshot.ts'

const STEP_MS = 5_000
/** How long a pod on its way out waits for its removal, in steps. */
const GRACE_STEPS = 18
const NAME = 'insi'

interface Disk {
  incarnation: string
  isMember: boolean
  /** Entries that it holds. */
  length: number
}
interface Pod {
  isTerminating: boolean
  isUp: boolean
  graceSteps: number
}

export class SimulatedSet {
  replicas = 3
  nowMs = 0
  /** Entries that clients were told are safe. */
  acknowledged = 0
  voterChanges = 0
  /** As a leader does; false: somebody has to ask for it. */
  promotesByItself = true
  readonly violations: string[] = []
  readonly #disks = new Map<number, Disk>()
  readonly #pods = new Map<number, Pod>()
  readonly #members = new Map<string, 'voter' | 'learner'>()
  readonly #history: { replicas: number; pods: PodView[] }[] = []
  #leader: string | null = null
  #incarnations = 0

  constructor() {
    for (const ordinal of [0, 1, 2]) {
      const disk = { ...this.#emptyDisk(), isMember: true }
      this.#disks.set(ordinal, disk)
      this.#members.set(idOf(ordinal, disk), 'voter')
    }
    this.step()
  }

  /** Controllers, kubelet, joining, promotion, an election, a write. */
  step(): void {
    this.nowMs += STEP_MS
    this.#runSet()
    this.#runKubelet()
    this.#elect()
    this.#write()
    this.#join()
    this.#promote()
    this.#history.push({ replicas: this.replicas, pods: this.#podViews() })
  }

  kill(ordinal: number): void {
    this.#pods.delete(ordinal)
  }

  /** This node leads from now on. */
  leadership(nodeId: string): void {
    this.#leader = this.voters().find((id) => id.startsWith(`${nodeId}/`)) ?? this.#leader
  }

  evict(ordinal: number): void {
    const pod = this.#pods.get(ordinal)
    if (pod !== undefined && !pod.isTerminating) Object.assign(pod, { isTerminating: true, graceSteps: GRACE_STEPS })
  }

  crash(ordinal: number): void {
    const pod = this.#pods.get(ordinal)
    if (pod !== undefined) pod.isUp = false
  }

  /** Not when the rest of the disks is no majority: no planner can help then. */
  loseDisk(ordinal: number): void {
    const disk = this.#disks.get(ordinal)
    const intact = this.voters().filter((id) => this.#diskOf(id) !== undefined && this.#diskOf(id) !== disk)
    if (disk === undefined || intact.length < majority(this.voters().length)) return
    this.#disks.delete(ordinal)
    this.#pods.delete(ordinal)
  }

  /** What a pass sees: Raft as it is, Kubernetes as it was `lagSteps` ago. */
  snapshot(lagSteps: number): Snapshot {
    const seen = this.#history.at(-1 - lagSteps) ?? this.#history[0] ?? { replicas: this.replicas, pods: [] }
    return {
      takenAtMs: this.nowMs,
      set: {
        name: NAME,
        uid: 'u',
        replicas: seen.replicas,
        firstOrdinal: 0,
        isDeleting: false,
        isPaused: false,
      },
      pods: seen.pods,
      raft: this.#raftView(),
      markedClusterId: 'c',
    }
  }

  perform(action: Action): void {
    this.#elect()
    if (this.#leader === null) return
    const before = this.voters().length
    switch (action.type) {
      case 'add': {
        const ordinal = Number(action.nodeId.slice(NAME.length + 1))
        const disk = this.#disks.get(ordinal)
        if (disk !== undefined && this.#isUp(ordinal)) this.#addLearner(ordinal, disk)
        break
      }
      case 'promote':
        this.#members.set(action.member.memberId, 'voter')
        break
      case 'transfer':
        this.#leader = this.voters().find((id) => id.startsWith(`${action.nodeId}/`)) ?? this.#leader
        break
      case 'remove': {
        const { memberId } = action.member
        if (memberId === this.#leader) this.violations.push(`removed the leader ${memberId}`)
        this.#members.delete(memberId)
        break
      }
    }
    const changed = Math.abs(this.voters().length - before)
    this.voterChanges += changed
    if (changed > 1) this.violations.push(`${changed} voters changed at once`)
    if (!this.#hasQuorum())
      this.violations.push(`${action.type} left ${this.#alive().length} of ${this.voters().length}`)
  }

  voters(): string[] {
    return [...this.#members].filter(([, role]) => role === 'voter').map(([id]) => id)
  }

  /** The cluster is exactly what the StatefulSet wants, and every member lives. */
  isConverged(): boolean {
    const wanted = Array.from({ length: this.replicas }, (_, ordinal) => ordinal)
    const isComplete = wanted.every((ordinal) => {
      const disk = this.#disks.get(ordinal)
      return disk !== undefined && this.#isUp(ordinal) && this.#members.get(idOf(ordinal, disk)) === 'voter'
    })
    return isComplete && this.#members.size === wanted.length && this.#pods.size === wanted.length
  }

  describe(): string {
    const pods = [...this.#pods].map(
      ([ordinal, pod]) => `${ordinal}${pod.isTerminating ? 'T' : ''}${pod.isUp ? '' : 'x'}`,
    )
    return `replicas ${this.replicas}, leader ${this.#leader}, members ${JSON.stringify([...this.#members])}, pods ${pods.join(' ')}`
  }

  #runSet(): void {
    for (let ordinal = 0; ordinal < this.replicas; ordinal++) {
      if (this.#pods.has(ordinal)) continue
      this.#pods.set(ordinal, { isTerminating: false, isUp: true, graceSteps: 0 })
      if (!this.#disks.has(ordinal)) this.#disks.set(ordinal, this.#emptyDisk())
    }
    for (const ordinal of this.#pods.keys()) if (ordinal >= this.replicas) this.evict(ordinal)
  }

  #emptyDisk(): Disk {
    return { incarnation: `i${this.#incarnations++}`, isMember: false, length: 0 }
  }

  #runKubelet(): void {
    for (const [ordinal, pod] of this.#pods) {
      if (!pod.isTerminating) pod.isUp = true
      if (!pod.isTerminating) continue
      pod.graceSteps -= 1
      if (!pod.isUp || pod.graceSteps <= 0 || this.#mayLeave(ordinal)) this.#pods.delete(ordinal)
    }
  }

  /** The gate before a pod stops: a pod that is not wanted waits for its removal, every other one for the rest's quorum. */
  #mayLeave(ordinal: number): boolean {
    const disk = this.#disks.get(ordinal)
    if (disk === undefined || !this.#members.has(idOf(ordinal, disk))) return true
    if (this.replicas > 0 && ordinal >= this.replicas) return false
    const rest = this.#alive().filter((id) => id !== idOf(ordinal, disk))
    return rest.length >= majority(this.voters().length)
  }

  #elect(): void {
    if (!this.#hasQuorum()) this.#leader = null
    else if (this.#leader === null || !this.#alive().includes(this.#leader)) {
      this.#leader = this.#alive().toSorted((a, b) => this.#lengthOf(b) - this.#lengthOf(a))[0] ?? null
      if (this.#leader !== null && this.#lengthOf(this.#leader) < this.acknowledged) {
        this.violations.push(`${this.#leader} leads and lacks acknowledged entries`)
      }
    }
  }

  /** Acknowledged by the leader and just as many others as it takes; who is slowest changes with time. */
  #write(): void {
    if (this.#leader === null) return
    this.acknowledged = Math.max(this.acknowledged, this.#lengthOf(this.#leader)) + 1
    const others = this.#alive().filter((id) => id !== this.#leader)
    const turn = this.acknowledged % Math.max(1, others.length)
    const first = [...others.slice(turn), ...others.slice(0, turn)].slice(0, majority(this.voters().length) - 1)
    for (const id of [this.#leader, ...first]) {
      const disk = this.#diskOf(id)
      if (disk !== undefined) disk.length = this.acknowledged
    }
  }

  #join(): void {
    for (const [ordinal, disk] of this.#disks) {
      if (this.#leader === null || disk.isMember || !this.#isUp(ordinal)) continue
      const former = [...this.#members.keys()].find((id) => id.startsWith(`${NAME}-${ordinal}/`))
      if (former !== undefined) this.#members.delete(former)
      this.#elect()
      if (this.#leader !== null) this.#addLearner(ordinal, disk)
    }
  }

  #addLearner(ordinal: number, disk: Disk): void {
    this.#members.set(idOf(ordinal, disk), 'learner')
    disk.isMember = true
  }

  #promote(): void {
    for (const [id, role] of this.#members) {
      const disk = this.#diskOf(id)
      if (this.#leader === null || role !== 'learner' || disk === undefined || !this.#isUp(ordinalIn(id))) continue
      if (disk.length < this.acknowledged - 2) disk.length = this.acknowledged
      else if (this.promotesByItself) {
        this.#members.set(id, 'voter')
        return
      }
    }
  }

  #raftView(): RaftView | null {
    this.#elect()
    if (this.#leader === null) return null
    return {
      clusterId: 'c',
      leader: this.#leader.split('/')[0] ?? '',
      isSettled: true,
      members: [...this.#members].map(([memberId, role]) => ({
        memberId,
        nodeId: memberId.split('/')[0] ?? '',
        incarnation: memberId.split('/')[1] ?? '',
        role,
        demoted: false,
        isLeader: memberId === this.#leader,
        active: this.#diskOf(memberId) !== undefined && this.#isUp(ordinalIn(memberId)),
        lagEntries: Math.max(0, this.acknowledged - this.#lengthOf(memberId)),
      })),
    }
  }

  #podViews(): PodView[] {
    return [...this.#pods].map(([ordinal, pod]) => ({
      name: `${NAME}-${ordinal}`,
      ordinal,
      ips: [`10.0.0.${ordinal}`],
      isRunning: pod.isUp,
      isReady: pod.isUp,
      isTerminating: pod.isTerminating,
    }))
  }

  #isUp(ordinal: number): boolean {
    return this.#pods.get(ordinal)?.isUp === true
  }

  #alive(): string[] {
    return this.voters().filter((id) => this.#diskOf(id) !== undefined && this.#isUp(ordinalIn(id)))
  }

  #hasQuorum(): boolean {
    return this.#alive().length >= majority(this.voters().length)
  }

  /** The disk of this very incarnation. */
  #diskOf(id: string): Disk | undefined {
    const disk = this.#disks.get(ordinalIn(id))
    return disk !== undefined && id.endsWith(`/${disk.incarnation}`) ? disk : undefined
  }

  #lengthOf(id: string): number {
    return this.#diskOf(id)?.length ?? 0
  }
}

function idOf(ordinal: number, disk: Disk): string {
  return `${NAME}-${ordinal}/${disk.incarnation}`
}

function ordinalIn(id: string): number {
  return Number(id.slice(NAME.length + 1, id.indexOf('/')))
}

function majority(count: number): number {
  return Math.floor(count / 2) + 1
}
