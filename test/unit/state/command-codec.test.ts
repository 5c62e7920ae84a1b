import * as fc from 'fast-check'
import { PURGE_COUNT_MAX, decodeCommand, encodeCommand } from '../../../src/state/command-codec.ts'
import type { Command, EntityLimits } from '../../../src/state/commands.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { UNLIMITED, set } from './state-fixtures.ts'

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

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: type('kv.set'), ...kv, value: bytes, expiresAtMs: uint48 }),
  fc.record({ type: type('kv.setnx'), ...kv, value: bytes, expiresAtMs: uint48 }),
  fc.record({ type: type('kv.cas'), ...kv, oldValue: bytes, newValue: bytes, expiresAtMs: uint48 }),
  fc.record({ type: type('kv.bump'), ...kv, delta: int64, min: fc.option(int64, { nil: null }) }),
  fc.record({ type: type('kv.delete'), ...kv }),
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

describe('the command codec', () => {
  test('every command decodes to itself', () => {
    fc.assert(
      fc.property(command, (one) => {
        expect(decodeCommand(encodeCommand(one))).toEqual(one)
      }),
      { numRuns: 1000 },
    )
  })

  test('a cut or extended command of fixed layout is no command', () => {
    fc.assert(
      fc.property(command, fc.nat(), (one, at) => {
        const encoded = encodeCommand(one)
        const cut = decodeCommand(encoded.subarray(0, at % encoded.length))
        const endsWithValue = one.type === 'kv.set' || one.type === 'kv.setnx' || one.type === 'kv.cas'
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

  test('a key that does not fit is a programmer error', () => {
    expect(() => encodeCommand(set('k'.repeat(65_536), 'v'))).toThrow()
    expect(() => encodeCommand({ ...set('k', 'v'), timeMs: 1.5 })).toThrow()
  })

  test('garbage in the log answers COMMAND_UNKNOWN and leaves only the applied index', async () => {
    const machine = await StateMachine.open(new ReplaceableMemoryStore())
    const results = await machine.apply([
      { index: 1, term: 1, kind: 'command', data: new Uint8Array() },
      { index: 2, term: 1, kind: 'command', data: Buffer.from('garbage') },
      { index: 3, term: 1, kind: 'noop', data: new Uint8Array() },
      { index: 4, term: 1, kind: 'membership', data: Buffer.from('opaque') },
    ])
    const unknown = { ok: false, code: 'COMMAND_UNKNOWN' }
    expect(results).toEqual([unknown, unknown, undefined, undefined])
    expect(machine.appliedIndex).toBe(4)
  })
})
