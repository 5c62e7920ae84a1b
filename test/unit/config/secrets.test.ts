// Keys that come from the instance secret.
import { deriveKeys, deriveRootKey, secretWeakness } from '../../../src/config/secrets.ts'
import { STRONG_SECRET } from './cluster-file.ts'

describe('keys', () => {
  test.each([
    ['please_change_this', 'NTFhZTEyOThmNTkwMTAwYzg5MmI3OWJhMTgwNWRjMTZlOTBkZjQxZDYyY2FmNzIxOGE3NzJkZjRiZGRkOTZjZA=='],
    [
      'secret-value-shared-by-all-nodes',
      'ZmRkMGU3YWZhMTc3ZGI5YWFiM2MzNWNjMzYzNmU2MjA1NmViNGQ3ZGYzMmNlODUwNTkwOTdlYzdhMDdjYzEyMA==',
    ],
    [
      'please_change_this_secret_in_production_!!!',
      'ODQwMDM0NTY5ZjY5ZGE2ZTdlMTQxMWRkMmU3NTQ0MmU3MGIxNTAyZjRiOGMxZmQ5MDJhNTJmY2E3N2JhZWNlNQ==',
    ],
  ])('the root key of %s is the base64 of the hexadecimal digits of its SHA-256', (secret, rootKey) => {
    expect(deriveRootKey(secret)).toBe(rootKey)
    expect(deriveKeys(secret).rootKey).toBe(rootKey)
  })

  test('the keys of peers and of tokens stay what they are, or nodes of two releases would not know each other', () => {
    const { peerKey, tokenKey } = deriveKeys('please_change_this')
    expect(peerKey.toString('hex')).toBe('9a6fac2d312aec05dd2bd6bb957ef502796a494cad4d8105ca44f46c38fff234')
    expect(tokenKey.toString('hex')).toBe('eee50530dba8ab965877d4982c363c829f198897c018f0257614aed9a6a09d96')
  })

  test('differ from each other and between secrets', () => {
    const keys = [deriveKeys('a'), deriveKeys('b')].flatMap(({ peerKey, tokenKey }) => [
      peerKey.toString('hex'),
      tokenKey.toString('hex'),
    ])
    expect(new Set(keys).size).toBe(4)
    expect(keys.every((key) => key.length === 64)).toBe(true)
  })
})

describe('a secret', () => {
  test.each([
    ['your-secure-secret', 'is a placeholder'],
    ['your_secret_goes_here_1', 'is a placeholder'],
    ['please change this today', 'is a placeholder'],
    ['ChangeMe-aB3dE5gH7jK9', 'is a placeholder'],
    ['<put the secret here 17>', 'is a placeholder'],
    ['k8$Lq2!vN', 'is shorter than 16 characters'],
    ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'repeats too few characters'],
    ['1234123412341234', 'repeats too few characters'],
  ])('%s %s', (secret, weakness) => {
    expect(secretWeakness(secret)).toContain(weakness)
  })

  test.each([
    STRONG_SECRET,
    'correct horse battery staple',
    '9f86d081884c7d659a2feaa0c55ad015',
    'secret-value-shared-by-all-nodes',
  ])('%s is good enough', (secret) => {
    expect(secretWeakness(secret)).toBeNull()
  })
})
