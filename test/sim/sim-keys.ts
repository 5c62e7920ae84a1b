// Keys of tenants in a simulated cluster: they are made, used and deleted through any node, and once a deletion is acknowledged,
// no node may accept the key or an alias of it on a request that begins after that.
import { InsiError, messageOf } from '../../src/base/errors.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimNode } from './sim-node.ts'
import type { SimRandom } from './sim-random.ts'
import type { SimTrace } from './sim-trace.ts'

const STEP_MS_MAX = 120
const KEYS_MAX = 3
const REVOKED_MAX = 6
/** When every node is tried after a deletion was acknowledged. */
const PROBES_MS = [0, 40, 300, 900]

interface SimKey {
  readonly name: string
  readonly token: string
  /** Of a tenant's own key: its aliases. Null: it is an alias. */
  readonly aliases: SimKey[] | null
  isRevoked: boolean
}

export class SimKeys {
  readonly #clock: SimClock
  readonly #trace: SimTrace
  readonly #nodes: readonly SimNode[]
  readonly #random: SimRandom
  #keys: SimKey[] = []
  #revoked: SimKey[] = []
  #nextName = 1
  #isActive = true

  constructor(world: { clock: SimClock; trace: SimTrace }, nodes: readonly SimNode[], random: SimRandom) {
    this.#clock = world.clock
    this.#trace = world.trace
    this.#nodes = nodes
    this.#random = random
  }

  start(): void {
    this.#clock.after(1 + this.#random.int(STEP_MS_MAX), () => {
      if (!this.#isActive) return
      this.#step()
      this.start()
    })
  }

  /** Begins nothing new. */
  stop(): void {
    this.#isActive = false
  }

  #step(): void {
    const node = this.#random.pick(this.#nodes)
    const key = this.#keys.length === 0 ? undefined : this.#random.pick(this.#keys)
    const draw = this.#random.int(10)
    if (key === undefined || (draw === 0 && this.#keys.length < KEYS_MAX)) this.#create(node)
    else if (draw < 2) this.#createAlias(node, key)
    else if (draw < 3) this.#revoke(node, key, key)
    else if (draw < 4)
      this.#revoke(
        node,
        key,
        key.aliases?.find(({ isRevoked }) => !isRevoked),
      )
    else this.#probe(node, this.#random.pick([key, ...(key.aliases ?? []), ...this.#revoked]))
  }

  #create(node: SimNode): void {
    this.#run(node, async ({ entities }) => {
      const token = await entities.create('tenant')
      if (this.#keys.length < KEYS_MAX) this.#keys.push(this.#named(token, []))
    })
  }

  #createAlias(node: SimNode, key: SimKey): void {
    this.#run(node, async ({ aliases, keys }) => {
      const token = await aliases.create(await keys.authenticate(key.token))
      key.aliases?.push(this.#named(token, null))
    })
  }

  /** The deletion of an alias is asked for by its tenant, or like that of a tenant by root. */
  #revoke(node: SimNode, owner: SimKey, key: SimKey | undefined): void {
    if (key === undefined) return
    if (key.aliases !== null) this.#keys = this.#keys.filter((one) => one !== key)
    const byOwner = key.aliases === null && this.#random.chance(0.5)
    this.#run(node, async ({ aliases, entities, keys }) => {
      if (byOwner) await aliases.delete(await keys.authenticate(owner.token), key.token)
      else await entities.delete(key.token)
      this.#revokeAcknowledged(key)
    })
  }

  #revokeAcknowledged(key: SimKey): void {
    const revoked = [key, ...(key.aliases ?? [])]
    for (const one of revoked) {
      one.isRevoked = true
      this.#trace.line(`${one.name} is deleted`)
    }
    this.#revoked = [...this.#revoked, ...revoked].slice(-REVOKED_MAX)
    for (const afterMs of PROBES_MS) {
      this.#clock.after(afterMs, () => {
        for (const node of this.#nodes) for (const one of revoked) this.#probe(node, one)
      })
    }
  }

  #probe(node: SimNode, key: SimKey): void {
    const wasRevoked = key.isRevoked
    this.#run(node, async ({ keys }) => {
      const found = keys.authenticate(key.token)
      const isFromState = !(found instanceof Promise)
      await found
      if (isFromState) this.#trace.reach('key accepted from the own state')
      if (wasRevoked) this.#trace.violate(`${node.nodeId} accepts ${key.name}, whose deletion was acknowledged before`)
    })
  }

  #named(token: string, aliases: SimKey[] | null): SimKey {
    return { name: `key ${this.#nextName++}`, token, aliases, isRevoked: false }
  }

  /** What is asked of a paused process is carried out when it goes on, and of a dead one never. */
  #run(node: SimNode, work: (services: NonNullable<SimNode['services']>) => Promise<void>): void {
    node.run(() => {
      const { services } = node
      if (services === null) return
      work(services).catch((error: unknown) => {
        if (!(error instanceof InsiError)) this.#trace.violate(`keys at ${node.nodeId}: ${messageOf(error)}`)
        else if (error.code === 'AUTHENTICATION_FAILED') this.#trace.reach('key refused')
        else this.#trace.reach(`key ${error.code}`)
      })
    })
  }
}
