// A node that cluster.yaml does not name yet: with newNodesDomain it starts, without it the file decides.
import { formatAddress } from '../../../src/config/address.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/config.ts'
import { STRONG_SECRET } from './cluster-file.ts'

const node = (name: string): string =>
  `  ${name}: { publicBinding: 0.0.0.0:8080, privateBinding: 0.0.0.0:8081, raftBinding: 0.0.0.0:7000, opsBinding: 0.0.0.0:9090, clientDomain: ${name}.headless.space, raftAdvertise: "${name}.headless.space:7000" }`
const FILE = ['defaultLeader: insi-0', 'nodes:', node('insi-0'), node('insi-1'), ''].join('\n')
const ENVIRONMENT = { INSI_INSTANCE_SECRET: STRONG_SECRET, INSI_NEW_NODES_DOMAIN: 'headless.space' }

const parseFor = (nodeId: string, environment: Readonly<Record<string, string>> = ENVIRONMENT): Config =>
  parseConfig(FILE, { path: 'cluster.yaml', environment, nodeId }).config

describe('a node that the file does not name', () => {
  test('listens where the default leader does, and is reached by its own name', () => {
    const { nodes, defaultLeader } = parseFor('insi-2')
    const added = nodes['insi-2']
    if (added === undefined) throw new Error('there is no insi-2')
    const { publicBinding, privateBinding, raftBinding, opsBinding, raftAdvertise, clientDomain } = added
    const shown = [publicBinding, privateBinding, raftBinding, opsBinding, raftAdvertise].map(
      (address) => address && formatAddress(address),
    )
    expect(shown).toEqual([
      '0.0.0.0:8080',
      '0.0.0.0:8081',
      '0.0.0.0:7000',
      '0.0.0.0:9090',
      'insi-2.headless.space:7000',
    ])
    expect(clientDomain).toBe('insi-2.headless.space')
    // It founds nothing: that is for the default leader.
    expect(defaultLeader).toBe('insi-0')
  })

  test('is as the file says once it does', () => {
    expect(parseFor('insi-1')).toEqual(parseFor('insi-1', { INSI_INSTANCE_SECRET: STRONG_SECRET }))
  })

  test('stays unknown without newNodesDomain, and with a name that no node can have', () => {
    expect(Object.keys(parseFor('insi-2', { INSI_INSTANCE_SECRET: STRONG_SECRET }).nodes)).toEqual(['insi-0', 'insi-1'])
    expect(Object.keys(parseFor('../insi-2').nodes)).toEqual(['insi-0', 'insi-1'])
  })

  test('is not among the nodes when no node was asked for', () => {
    const { config } = parseConfig(FILE, { path: 'cluster.yaml', environment: ENVIRONMENT })
    expect(Object.keys(config.nodes)).toEqual(['insi-0', 'insi-1'])
  })
})
