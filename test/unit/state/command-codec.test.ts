import * as fc from 'fast-check'
import { COMMAND_VERSION, PURGE_COUNT_MAX, decodeCommand, encodeCommand } from '../../../src/state/command-codec.ts'
import type { Command, Compare, DirectCommand, EntityLimits, OperationCommand } from '../../../src/state/commands.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { UNLIMITED, batch, del, set, txn } from './state-fixtures.ts'

const UINT48_MAX = 2 ** 48 - 1
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const uint48 = fc.oneof(fc.integer({ min: 0 }), fc.constantFrom(0, UINT48_MAX))
const entityId = fc.nat({ max: 0xffff_ffff })
const text = fc.string({ unit: 'binary', maxLength: 40 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const limit = fc.option(fc.maxSafeInteger(), { nil: null })
const members = Object.fromEntries(Object.keys(UNLIMITED).map((member) => [member, limit]))
const limits = fc.record(members) as unknown as fc.Arbitrary<EntityLimits>
const partialLimits = fc.record(members, { requiredKeys: [] }) as unknown as fc.Arbitrary<Partial<EntityLimits>>
const kv = { timeMs: uint48, space: fc.constantFrom('value' as const, 'cache' as const), entityId, key: bytes }
const type = <Name extends Command['type']>(name: Name): fc.Arbitrary<Name> => fc.constant(name)

const evictable = <Fields extends object>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
  fc.oneof(
    fc.record({ ...kv, ...fields }),
    fc.record({ ...kv, ...fields, space: fc.constant('cache' as const), evict: fc.constant(true) }),
  )

const operation: fc.Arbitrary<OperationCommand> = fc.oneof(
  evictable({ type: type('kv.set'), value: bytes, expiresAtMs: uint48 }),
  evictable({ type: type('kv.setnx'), value: bytes, expiresAtMs: uint48 }),
  evictable({ type: type('kv.cas'), oldValue: bytes, newValue: bytes, expiresAtMs: uint48 }),
  evictable({ type: type('kv.cas-revision'), revision: uint48, newValue: bytes, expiresAtMs: uint48 }),
  evictable({ type: type('kv.bump'), delta: int64, min: fc.option(int64, { nil: null }) }),
  fc.record({ type: type('kv.delete'), ...kv }),
  fc.record({ type: type('kv.expire'), ...kv, expiresAtMs: uint48 }),
  fc.record({
    type: type('event.publish'),
    timeMs: uint48,
    entityId,
    topic: text,
    data: bytes,
    retainMs: uint48,
    retainSizeBytes: uint48,
  }),
) as fc.Arbitrary<OperationCommand>

const compareTarget = { space: kv.space, key: bytes }
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({ type: fc.constant('value' as const), ...compareTarget, value: bytes }),
  fc.record({ type: fc.constantFrom('exists' as const, 'missing' as const), ...compareTarget }),
  fc.record({ type: fc.constant('revision' as const), ...compareTarget, revision: uint48 }),
)

/** Operations with the entity and the time of the whole. */
const operationsOf = (whole: { entityId: number; timeMs: number }) =>
  fc.array(operation, { maxLength: 4 }).map((all) => all.map((one) => ({ ...one, ...whole })))
const whole = fc.record({ entityId, timeMs: uint48 })

const direct: fc.Arbitrary<DirectCommand> = fc.oneof(
  operation,
  whole.chain((head) =>
    fc.record({
      type: type('txn'),
      entityId: fc.constant(head.entityId),
      timeMs: fc.constant(head.timeMs),
      compare: fc.array(compare, { maxLength: 4 }),
      then: operationsOf(head),
      else: operationsOf(head),
    }),
  ),
  whole.chain((head) =>
    fc.record({
      type: type('batch'),
      entityId: fc.constant(head.entityId),
      timeMs: fc.constant(head.timeMs),
      commands: operationsOf(head),
    }),
  ),
  fc.record({
    type: type('kv.delete-range'),
    timeMs: uint48,
    space: kv.space,
    entityId,
    prefix: bytes,
    countMax: fc.integer({ min: 1, max: PURGE_COUNT_MAX }),
  }),
  fc.record({ type: type('subscription.acquire'), timeMs: uint48, entityId, memberId: text }),
  fc.record({
    type: type('subscription.release'),
    timeMs: uint48,
    entityId,
    memberId: text,
    count: entityId,
    epoch: uint48,
  }),
  fc.record({
    type: type('subscription.report'),
    timeMs: uint48,
    memberId: text,
    counts: fc.array(fc.tuple(entityId, entityId), { maxLength: 5 }),
  }),
  fc.record({ type: type('subscription.shake'), timeMs: uint48, entityId }),
  fc.record({
    type: type('entity.create'),
    timeMs: uint48,
    keyUuid: text,
    scopeUuid: text,
    name: text,
    tokenDigest: bytes,
    limits,
  }),
  fc.record({ type: type('entity.delete'), timeMs: uint48, keyUuid: text }),
  fc.record({
    type: type('entity.purge'),
    timeMs: uint48,
    entityId,
    countMax: fc.integer({ min: 1, max: PURGE_COUNT_MAX }),
  }),
  fc.record({ type: type('limits.set'), timeMs: uint48, entityId, limits: partialLimits }),
  fc.record({ type: type('alias.create'), timeMs: uint48, entityId, keyUuid: text, tokenDigest: bytes }),
  fc.record({ type: type('alias.delete'), timeMs: uint48, entityId, keyUuid: text }),
)

const command: fc.Arbitrary<Command> = fc.oneof(
  direct,
  fc
    .record({ type: type('alias.act'), keyUuid: text, command: direct })
    .map((act) => ({ ...act, timeMs: act.command.timeMs })),
)

const ENDING_WITH_A_VALUE = new Set<Command['type']>([
  'kv.set',
  'kv.setnx',
  'kv.cas',
  'kv.cas-revision',
  'event.publish',
])

describe('the command codec', () => {
  test('every command decodes to itself', () => {
    fc.assert(
      fc.property(command, (one) => {
        expect(decodeCommand(encodeCommand(one))).toEqual(one)
      }),
      { numRuns: 1000 },
    )
  })

  test('an alias acts by a command of its own kind, never by another act', () => {
    const act = encodeCommand({ type: 'alias.act', timeMs: 0, keyUuid: '', command: del('k') })
    const nested = Buffer.concat([act.subarray(0, 10), act.subarray(1, 2), act.subarray(8)])
    expect(decodeCommand(act)).toMatchObject({ command: { type: 'kv.delete' } })
    expect(decodeCommand(nested)).toBeUndefined()
  })

  test('a cut or extended command of fixed layout is no command', () => {
    fc.assert(
      fc.property(command, fc.nat(), (one, at) => {
        const encoded = encodeCommand(one)
        const cut = decodeCommand(encoded.subarray(0, at % encoded.length))
        const endsWithValue = ENDING_WITH_A_VALUE.has(one.type === 'alias.act' ? one.command.type : one.type)
        if (!endsWithValue) {
          expect(cut).toBeUndefined()
          expect(decodeCommand(Buffer.concat([encoded, Buffer.of(0)]))).toBeUndefined()
        }
      }),
    )
  })

  test('garbage never throws', () => {
    const typed = fc.tuple(fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 80 }))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          typed.map(([code, rest]) => Uint8Array.from([1, code, ...rest])),
        ),
        (data) => {
          decodeCommand(data)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('the layout of version 1 stays as logs hold it', () => {
    expect(
      encodeCommand(set('key', 'value', { space: 'cache', entityId: 7, timeMs: 258, expiresAtMs: 1 })).toString('hex'),
    ).toBe(['01', '01', '000000000102', '01', '00000007', '0003', '6b6579', '000000000001', '76616c7565'].join(''))
  })

  test('an unknown version, type or flag is no command', () => {
    const encoded = encodeCommand(set('key', 'value'))
    for (const [at, byte] of [
      [0, 2],
      [1, 99],
      [8, 3],
    ] as const) {
      const changed = Buffer.from(encoded)
      changed[at] = byte
      expect(decodeCommand(changed)).toBeUndefined()
    }
  })

  test('text that is not UTF-8, and numbers out of range, are no command', () => {
    const named = encodeCommand({ type: 'entity.delete', timeMs: 1, keyUuid: 'a' })
    named[named.length - 1] = 0xff
    expect(decodeCommand(named)).toBeUndefined()
    const purge = encodeCommand({ type: 'entity.purge', timeMs: 1, entityId: 1, countMax: 0 })
    expect(decodeCommand(purge)).toBeUndefined()
    expect(
      decodeCommand(encodeCommand({ type: 'entity.purge', timeMs: 1, entityId: 1, countMax: PURGE_COUNT_MAX + 1 })),
    ).toBeUndefined()
  })

  test('operations of another entity, of no known type, or too many are no command', () => {
    const encoded = encodeCommand(batch([del('k')]))
    expect(decodeCommand(encoded)).toEqual(batch([del('k')]))
    const operationAt = encoded.length - 9
    const otherEntity = Buffer.from(encoded)
    otherEntity.writeUInt32BE(1, 8)
    const otherType = Buffer.from(encoded)
    otherType[operationAt] = 13
    const otherCount = Buffer.from(encoded)
    otherCount.writeUInt16BE(1025, 12)
    expect([encoded[operationAt], decodeCommand(otherEntity)]).toEqual([5, undefined])
    expect([decodeCommand(otherType), decodeCommand(otherCount)]).toEqual([undefined, undefined])
    expect(() => encodeCommand(batch([del('k', { entityId: 1 })]))).toThrow()
    expect(() => encodeCommand(batch(Array.from({ length: 1025 }, () => del('k'))))).toThrow()
    expect(() => encodeCommand(txn([], { then: Array.from({ length: 129 }, () => del('k')) }))).toThrow()
  })

  test('a key that does not fit is a programmer error', () => {
    expect(() => encodeCommand(set('k'.repeat(65_536), 'v'))).toThrow()
    expect(() => encodeCommand({ ...set('k', 'v'), timeMs: 1.5 })).toThrow()
  })

  test('garbage in the log answers COMMAND_UNKNOWN and leaves only the applied index', async () => {
    const machine = await StateMachine.open(new ReplaceableMemoryStore())
    const results = await machine.apply([
      { index: 1, term: 1, kind: 'command', data: new Uint8Array() },
      { index: 2, term: 1, kind: 'command', data: Buffer.from('\x01garbage') },
      { index: 3, term: 1, kind: 'noop', data: new Uint8Array() },
      { index: 4, term: 1, kind: 'membership', data: Buffer.from('opaque') },
    ])
    const unknown = { ok: false, code: 'COMMAND_UNKNOWN' }
    expect(results).toEqual([unknown, unknown, undefined, undefined])
    expect(machine.appliedIndex).toBe(4)
  })

  test('a command of a newer release is not applied, and nothing that came with it', async () => {
    const machine = await StateMachine.open(new ReplaceableMemoryStore())
    const newer = encodeCommand(set('k', 'v'))
    newer[0] = COMMAND_VERSION + 1
    const entries = [encodeCommand(set('k', 'v')), newer].map((data, at) => ({
      index: at + 1,
      term: 1,
      kind: 'command' as const,
      data,
    }))
    await expect(machine.apply(entries)).rejects.toMatchObject({
      code: 'COMMAND_UNKNOWN',
      message: expect.stringContaining('the entry 2 of the log holds a command of version 2'),
    })
    expect(machine.appliedIndex).toBe(0)
  })
})
