// Checks on the logs and states of all nodes at one moment.
import type { DurableLog } from '../../src/replication/ports.ts'
import type { SimNode } from './sim-node.ts'

/** Log matching (§5.3): logs that agree at an index agree at all earlier ones. The first breach, or null. */
export function findLogMismatch(nodes: readonly SimNode[]): string | null {
  const logs = nodes.flatMap((node) => (node.log === null ? [] : [{ nodeId: node.nodeId, log: node.log }]))
  for (const [position, one] of logs.entries()) {
    for (const other of logs.slice(position + 1)) {
      const index = firstMismatch(one.log, other.log)
      if (index !== null) return `the logs of ${one.nodeId} and ${other.nodeId} differ at ${index} but agree later`
    }
  }
  return null
}

function firstMismatch(one: DurableLog, other: DurableLog): number | null {
  const first = Math.max(one.firstIndex, other.firstIndex)
  let hasAgreed = false
  for (let index = Math.min(one.lastIndex, other.lastIndex); index >= first; index--) {
    const agrees = one.termAt(index) === other.termAt(index)
    if (hasAgreed && !agrees) return index
    hasAgreed ||= agrees
  }
  return null
}
