import * as fc from 'fast-check'
import { rootKeyOf } from '../../../src/contract/root-key.ts'
import { TokenCodec, tokenDigest } from '../../../src/services/authorization/tokens.ts'

const KEY_UUID = '22222222-2222-4222-8222-222222222222'

test('the root key is derived exactly as the contract says', () => {
  expect(rootKeyOf('please_change_this')).toBe(
    'NTFhZTEyOThmNTkwMTAwYzg5MmI3OWJhMTgwNWRjMTZlOTBkZjQxZDYyY2FmNzIxOGE3NzJkZjRiZGRkOTZjZA==',
  )
  expect(rootKeyOf('secret-value-shared-by-all-nodes')).toBe(
    'ZmRkMGU3YWZhMTc3ZGI5YWFiM2MzNWNjMzYzNmU2MjA1NmViNGQ3ZGYzMmNlODUwNTkwOTdlYzdhMDdjYzEyMA==',
  )
})

test('a token is one word without + / = that says its key and kind', () => {
  const codec = new TokenCodec(['secret'])
  fc.assert(
    fc.property(fc.uuid({ version: 4 }), fc.constantFrom('entity' as const, 'alias' as const), (keyUuid, kind) => {
      const token = codec.make({ kind, keyUuid })
      expect(token).toMatch(/^insi_[A-Za-z0-9_-]{46}$/)
      expect(codec.parse(token)).toEqual({ kind, keyUuid, authentic: true })
      expect(codec.make({ kind, keyUuid })).toBe(token)
    }),
  )
})

test('a token made under another secret can be read but is not authentic', () => {
  const token = new TokenCodec(['other']).make({ kind: 'entity', keyUuid: KEY_UUID })
  expect(new TokenCodec(['secret']).parse(token)).toEqual({ kind: 'entity', keyUuid: KEY_UUID, authentic: false })
})

test('tokens of the previous secret stay authentic, new ones are made under the first', () => {
  const before = new TokenCodec(['old']).make({ kind: 'alias', keyUuid: KEY_UUID })
  const rotated = new TokenCodec(['new', 'old'])
  expect(rotated.parse(before)?.authentic).toBe(true)
  expect(rotated.make({ kind: 'alias', keyUuid: KEY_UUID })).toBe(
    new TokenCodec(['new']).make({ kind: 'alias', keyUuid: KEY_UUID }),
  )
})

test('changing any character of a token makes it unreadable or not authentic', () => {
  const codec = new TokenCodec(['secret'])
  const token = codec.make({ kind: 'entity', keyUuid: KEY_UUID })
  for (let at = 'insi_'.length; at < token.length; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A'
    const changed = token.slice(0, at) + other + token.slice(at + 1)
    expect(codec.parse(changed)?.authentic ?? false).toBe(false)
  }
})

test.each(['', 'insi_', 'insi_====', 'insi_AAAA', 'INSI_x', `insi_${'A'.repeat(1000)}`, 'root', 'insi_é', 'insi_A+A/'])(
  'the text %j is no token',
  (text) => {
    expect(new TokenCodec(['secret']).parse(text)).toBeUndefined()
  },
)

test('a token with foreign characters between its own is no token, though base64 would skip them', () => {
  const codec = new TokenCodec(['secret'])
  const token = codec.make({ kind: 'entity', keyUuid: KEY_UUID })
  expect(codec.parse(`${token}=`)).toBeUndefined()
  expect(codec.parse(`${token.slice(0, 20)} ${token.slice(20)}`)).toBeUndefined()
})

test('the digest of a token is its SHA-256', () => {
  expect(tokenDigest('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
