import { HISTORY_ENTRIES_MAX } from '../../../src/contract/limits.ts'
import { ClusterHistory } from '../../../src/services/cluster-history.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const member = (node: string, role: 'voter' | 'learner' = 'voter') => ({ id: `${node}/0123456789ab-cdef`, role })

function createHistory() {
  const clock = new VirtualClock()
  const history = new ClusterHistory(clock)
  return { clock, history, texts: () => history.entries.map(({ text }) => text) }
}

test('leaders are remembered as they come and go, the newest first', () => {
  const { clock, history } = createHistory()
  history.onRole({ leader: null, term: 1 })
  history.onRole({ leader: 'node0', term: 2 })
  history.onRole({ leader: 'node0', term: 2 })
  clock.advance(5_000)
  history.onRole({ leader: null, term: 3 })
  history.onRole({ leader: 'node1', term: 3 })
  expect(history.entries.map(({ term, text, type }) => [type, term, text])).toEqual([
    ['leader', 3, 'node1 leads'],
    ['no-leader', 3, 'node0 leads no more'],
    ['leader', 2, 'node0 leads'],
  ])
  expect((history.entries[0]?.timeMs ?? 0) - (history.entries[2]?.timeMs ?? 0)).toBe(5_000)
})

test('a leader that is elected again in a later term is news', () => {
  const { history, texts } = createHistory()
  history.onRole({ leader: 'node0', term: 2 })
  history.onRole({ leader: 'node0', term: 4 })
  expect(texts()).toEqual(['node0 leads', 'node0 leads'])
})

test('members that are added, promoted and removed are remembered, those of the start are not', () => {
  const { history, texts } = createHistory()
  history.onMembership([member('node0')])
  history.onMembership([member('node0'), member('node1', 'learner')])
  history.onMembership([member('node0'), member('node1')])
  history.onMembership([member('node1')])
  expect(texts()).toEqual([
    'node0/01234567 was removed',
    'node1/01234567 became a voter',
    'node1/01234567 was added as a learner',
  ])
})

test('only so much is remembered', () => {
  const { history } = createHistory()
  for (let term = 1; term <= HISTORY_ENTRIES_MAX + 5; term += 1) history.onRole({ leader: 'node0', term })
  expect(history.entries).toHaveLength(HISTORY_ENTRIES_MAX)
  expect(history.entries[0]?.term).toBe(HISTORY_ENTRIES_MAX + 5)
})
