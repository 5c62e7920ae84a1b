// A StatefulSet, its pods and their members in perfect order, of which tests change what they are about.
import type { PodView, RaftMember, SetView } from '../../../src/reconciler/snapshot.ts'

export const set = (replicas: number, more: Partial<SetView> = {}): SetView => ({
  name: 'insi',
  uid: 'u',
  replicas,
  firstOrdinal: 0,
  isDeleting: false,
  isPaused: false,
  ...more,
})

export const member = (ordinal: number, more: Partial<RaftMember> = {}): RaftMember => ({
  memberId: `insi-${ordinal}/x`,
  nodeId: `insi-${ordinal}`,
  incarnation: 'x',
  role: 'voter',
  demoted: false,
  isLeader: ordinal === 0,
  active: true,
  lagEntries: 0,
  ...more,
})

export const pod = (ordinal: number, more: Partial<PodView> = {}): PodView => ({
  name: `insi-${ordinal}`,
  ordinal,
  ips: [`10.0.0.${ordinal}`],
  isRunning: true,
  isReady: true,
  isTerminating: false,
  ...more,
})
