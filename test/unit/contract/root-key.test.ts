// The root key that consumers derive by themselves from the instance secret.
import { rootKeyOf } from '../../../src/contract/root-key.ts'

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
  expect(rootKeyOf(secret)).toBe(rootKey)
})
