// A node that the file does not name yet: where its pods are numbered, a platform starts one before the file can follow.
import type { RawConfig } from './file-values.ts'
import { NODE_ID_PATTERN } from './schema.ts'

/** Options that such a node has in common with the default leader. */
const SHARED_OPTIONS = ['publicBinding', 'privateBinding', 'raftBinding', 'opsBinding'] as const

/** Adds `nodeId` when it is not named but `newNodesDomain` says how it is reached. Bindings that are wrong are the default leader's faults. */
export function addNewNode(raw: RawConfig, nodeId: string): void {
  const domain = raw.values.get('newNodesDomain')
  const leader = raw.nodes.get(String(raw.values.get('defaultLeader')?.value))
  if (raw.nodes.has(nodeId) || !NODE_ID_PATTERN.test(nodeId) || domain === undefined || leader === undefined) return
  const shared = SHARED_OPTIONS.flatMap((name) => {
    const given = leader.values.get(name)
    return given === undefined ? [] : [[name, given] as const]
  })
  const host = `${nodeId}.${String(domain.value)}`
  const port = /:\d+$/.exec(String(leader.values.get('raftBinding')?.value))?.[0] ?? ''
  const values = new Map([
    ...shared,
    ['clientDomain', { value: host, place: domain.place }] as const,
    ['raftAdvertise', { value: `${host}${port}`, place: domain.place }] as const,
  ])
  raw.nodes.set(nodeId, { place: domain.place, values })
}
