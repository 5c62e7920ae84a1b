import type { Change } from '../../../src/state/changes.ts'
import {
  StateDriver,
  createAlias,
  createEntity,
  del,
  deleteAlias,
  deleteEntity,
  publish,
  set,
  setnx,
  shake,
} from './state-fixtures.ts'

async function listened() {
  const state = await StateDriver.open()
  const batches: Change[][] = []
  state.machine.setChangeListener({
    onApplied: (changes) => {
      batches.push([...changes])
    },
  })
  return { state, batches }
}

describe('the change listener', () => {
  test('hears of each batch once it is visible, in log order', async () => {
    const state = await StateDriver.open()
    const seen: unknown[] = []
    state.machine.setChangeListener({
      onApplied: (changes) => {
        seen.push([state.machine.appliedIndex, state.value('k'), changes.map(({ type }) => type)])
      },
    })
    await state.applyAll(set('k', 'v'), publish('t', '1'), shake(), del('k'))
    await state.apply(set('k', 'w'))
    expect(seen).toEqual([
      [4, undefined, ['write', 'event', 'shake', 'write']],
      [5, 'w', ['write']],
    ])
  })

  test('says what was written, deleted, expired, published and revoked', async () => {
    const { state, batches } = await listened()
    const key = Buffer.from('k')
    await state.applyAll(set('k', 'v', { expiresAtMs: 5000 }), setnx('k', 'other'))
    await state.apply(publish('t', '[1]', { timeMs: 6000 }))
    await state.applyAll(createEntity('u1'), createAlias(1, 'a1'), createAlias(1, 'a2'), deleteAlias(1, 'a1'), shake(1))
    await state.applyAll(deleteEntity('u1'), deleteEntity('u1'))
    const write = { type: 'write', entityId: 0, space: 'value', key }
    expect(batches).toEqual([
      [{ ...write, revision: 1, value: Buffer.from('v'), expiresAtMs: 5000 }],
      [
        { ...write, revision: 3, value: null, expiresAtMs: 0 },
        { type: 'event', entityId: 0, eventId: 3072, topic: 't', data: Buffer.from('[1]'), timeMs: 6000 },
      ],
      [
        { type: 'key-deleted', entityId: 1, keyUuid: 'a1', alias: true },
        { type: 'shake', entityId: 1, epoch: 1 },
      ],
      [
        { type: 'key-deleted', entityId: 1, keyUuid: 'u1', alias: false },
        { type: 'key-deleted', entityId: 1, keyUuid: 'a2', alias: true },
      ],
    ])
  })

  test('hears that a snapshot replaced the state', async () => {
    const source = await StateDriver.open()
    await source.applyAll(set('k', 'v'), publish('t', '1'))
    const { state, batches } = await listened()
    const snapshot = await source.machine.openSnapshot()
    const install = await state.machine.beginInstall()
    for await (const chunk of snapshot.chunks(1000)) await install.write(chunk)
    await install.verify()
    await install.commit({ index: 2, term: 1, membership: { members: [] } })
    await snapshot.close()
    expect(batches).toEqual([[{ type: 'installed', index: 2 }]])
    expect(state.reader.events(0, 0, 10)).toHaveLength(1)
    expect(state.reader.usage(0).events).toBe(1)
  })
})
