// Runs the suite of peer transports on sockets with TLS and in the simulated network.
import { SimNetwork } from '../sim/sim-network.ts'
import { eventually } from '../support/eventually.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { TlsNodes } from '../support/tls-transport.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { describeTransport } from './transport-suite.ts'
import type { SuiteNode, TransportHarness } from './transport-suite.ts'

const VIRTUAL_WAIT_MS_MAX = 60_000
const VIRTUAL_STEP_MS = 5

function tlsHarness(): TransportHarness {
  const nodes = new TlsNodes()
  const ports = new Map<string, number>()
  return {
    async start(name) {
      const node = await nodes.start(name, { port: ports.get(name) ?? 0 })
      ports.set(name, node.transport.port)
      return node
    },
    async crash(node) {
      await node.transport.close()
    },
    until: (what, check) => eventually(what, () => (check() ? true : undefined)).then(() => undefined),
    dispose: () => nodes.closeAll(),
  }
}

function simHarness(): TransportHarness {
  const clock = new VirtualClock()
  const network = new SimNetwork({ clock, random: new SeededRandom(1) })
  return {
    async start(name): Promise<SuiteNode> {
      const transport = network.attach(() => ({ nodeId: name, memberId: `${name}/1`, raftAddress: `${name}:7000` }))
      const received: SuiteNode['received'] = []
      const disconnects: string[] = []
      await transport.start({
        onMessage: (from, message) => received.push({ from, message }),
        onDisconnect: (address) => disconnects.push(address),
      })
      return { address: `${name}:7000`, transport, received, disconnects }
    },
    async crash(node) {
      network.detach(node.address)
    },
    async until(what, check) {
      const endMs = clock.monotonicMs() + VIRTUAL_WAIT_MS_MAX
      while (!check()) {
        if (clock.monotonicMs() > endMs) throw new Error(`not within ${VIRTUAL_WAIT_MS_MAX} virtual ms: ${what}`)
        clock.advance(VIRTUAL_STEP_MS)
      }
    },
    async dispose() {},
  }
}

describeTransport('TlsPeerTransport', tlsHarness)
describeTransport('SimNetwork', simHarness)
