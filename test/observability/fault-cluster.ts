// Three nodes under light load, whose network and disks a test can break, and the alerts that a real Prometheus raises meanwhile.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { ALERT_GROUPS } from '../../scripts/chart-alerts.ts'
import { eventually } from '../support/eventually.ts'
import { type ClusterLayout, ProcessCluster } from '../support/process-cluster.ts'
import { CutNetwork } from './cut-network.ts'
import { Prometheus } from './prometheus.ts'
import { NAMESPACE, RELEASE, chartRules } from './scraped-cluster.ts'
import { shortened } from './shortened-rules.ts'

const NODE_IDS = [0, 1, 2].map((ordinal) => `${RELEASE}-${ordinal}`)
const LOAD_INTERVAL_MS = 50
const LOAD_TIMEOUT_MS = 2_000
const FIRING_TIMEOUT_MS = 120_000
const INSIC = path.resolve(import.meta.dirname, '../../src/bin/insic.ts')

const execute = promisify(execFile)
const companionsOf = new Map(
  Object.values(ALERT_GROUPS)
    .flat()
    .map(({ companions = [], name }) => [name, companions]),
)

export interface Fault {
  readonly name: string
  /** Alerts that must fire, with the pod or resource that they must name. */
  readonly alerts: Readonly<Record<string, string | null>>
  /** Nodes that no client uses meanwhile, as a service leaves out those that are not ready. */
  readonly unused: readonly string[]
  inject(): Promise<void>
  /** What the runbook says. */
  cure(): Promise<void>
}

export interface Outcome {
  readonly fault: string
  /** Seconds until each alert fired. */
  readonly firedAfter: ReadonlyMap<string, number>
  readonly overAfter: number
}

export class FaultCluster {
  readonly cluster: ProcessCluster
  readonly network: CutNetwork
  readonly #rules: string
  readonly #stopping = new AbortController()
  #prometheus: Prometheus | undefined
  #unused: readonly string[] = []
  #load: Promise<void> = Promise.resolve()

  private constructor(cluster: ProcessCluster, network: CutNetwork, rules: string) {
    this.cluster = cluster
    this.network = network
    this.#rules = rules
  }

  /** Starts nothing yet but the network. */
  static async create(): Promise<FaultCluster> {
    const network = await CutNetwork.start(NODE_IDS)
    const cluster = await ProcessCluster.create({
      nodeCount: NODE_IDS.length,
      namePrefix: `${RELEASE}-`,
      render: (layout) => render(layout, network),
    })
    for (const { id, raftPort } of cluster.layout.nodes) network.setTarget(id, raftPort)
    return new FaultCluster(cluster, network, withoutReconciler(await chartRules()))
  }

  async start(): Promise<void> {
    this.cluster.startAll()
    await this.cluster.ready()
    this.#load = this.#keepWriting()
  }

  /** Has a new Prometheus evaluate the chart's rules `factor` times as fast. */
  async watch(factor: number): Promise<void> {
    await this.#prometheus?.stop()
    this.#prometheus = await Prometheus.start({
      rules: shortened(this.#rules, factor),
      jobs: [
        {
          name: RELEASE,
          targets: this.cluster.layout.nodes.map(({ id, privatePort }) => ({
            address: `127.0.0.1:${privatePort}`,
            labels: { namespace: NAMESPACE, pod: id },
          })),
        },
      ],
    })
    await this.#prometheus.scraped(5)
    expect(await this.firing()).toEqual([])
  }

  /** Alerts that fire, each with the pod or resource that it names. */
  async firing(): Promise<{ readonly name: string; readonly about: string | null }[]> {
    const alerts = (await this.#prometheus?.alerts()) ?? []
    return alerts
      .filter(({ state }) => state === 'firing')
      .map(({ labels }) => ({
        name: labels['alertname'] ?? '',
        about: labels['pod'] ?? labels['resource'] ?? null,
      }))
  }

  /** Sees that the fault raises its alerts and their companions only, and that its cure ends them all. */
  async suffer({ alerts, cure, inject, name, unused }: Fault): Promise<Outcome> {
    const expected = Object.entries(alerts)
    const firedAfter = new Map<string, number>()
    this.#unused = unused
    const injectedAt = performance.now()
    const look = async (): Promise<Awaited<ReturnType<FaultCluster['firing']>>> => {
      const found = await this.firing()
      for (const one of found) {
        if (!firedAfter.has(one.name)) firedAfter.set(one.name, secondsSince(injectedAt))
      }
      return found
    }
    const allFire = async (): Promise<true | undefined> => {
      const found = await look()
      return (
        expected.every(([alert, about]) => found.some((one) => one.name === alert && one.about === about)) || undefined
      )
    }
    let curedAt: number
    try {
      await inject()
      await eventually(`${name}: ${Object.keys(alerts).join(' and ')}`, allFire, { timeoutMs: FIRING_TIMEOUT_MS })
    } finally {
      curedAt = performance.now()
      await cure()
    }
    const isOver = async (): Promise<true | undefined> => ((await look()).length === 0 ? true : undefined)
    await eventually(`${name}: over`, isOver, { timeoutMs: FIRING_TIMEOUT_MS })
    this.#unused = []
    const allowed = expected.flatMap(([alert]) => [alert, ...(companionsOf.get(alert) ?? [])])
    expect([...firedAfter.keys()].filter((alert) => !allowed.includes(alert))).toEqual([])
    return { fault: name, firedAfter, overAfter: secondsSince(curedAt) }
  }

  /** Runs insic with the root key, as the runbooks do. */
  async insic(...words: string[]): Promise<string> {
    const { stdout } = await execute(process.execPath, [INSIC, '--config', this.cluster.configPath, '--root', ...words])
    return stdout
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#prometheus?.stop()
    await this.#load
    await this.network.close()
    await this.cluster.destroy()
  }

  async #keepWriting(): Promise<void> {
    for (let count = 0; !this.#stopping.signal.aborted; count += 1) {
      const nodes = NODE_IDS.filter((id) => !this.#unused.includes(id))
      const body = { key: `load-${count % 500}`, value: String(count) }
      const options = { body, timeoutMs: LOAD_TIMEOUT_MS }
      // While a fault lasts some fail, as those of any client.
      await this.cluster.call(nodes[count % nodes.length] ?? '', '/db/api/v1/set', options).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, LOAD_INTERVAL_MS))
    }
  }
}

/** As the chart does where there is none. */
function withoutReconciler(rules: string): string {
  const { groups } = parse(rules) as { groups: { rules: { alert?: string }[] }[] }
  const kept = groups.map((group) => ({
    ...group,
    rules: group.rules.filter(({ alert }) => alert?.startsWith('InsiReconciler') !== true),
  }))
  return stringify({ groups: kept }, { lineWidth: 0 })
}

const secondsSince = (start: number): number => Math.round((performance.now() - start) / 100) / 10

function render({ home, nodes, secret }: ClusterLayout, network: CutNetwork): string {
  const entries = nodes.map(({ id, privatePort, publicPort, raftPort }) => [
    id,
    {
      publicBinding: `127.0.0.1:${publicPort}`,
      privateBinding: `127.0.0.1:${privatePort}`,
      raftBinding: `127.0.0.1:${raftPort}`,
      raftAdvertise: `127.0.0.1:${network.portOf(id)}`,
    },
  ])
  // JSON is YAML.
  return JSON.stringify({
    instanceSecret: secret,
    defaultLeader: NODE_IDS[0],
    insiHome: `${home}/data`,
    nodes: Object.fromEntries(entries) as object,
  })
}
