// Which secrets are too weak for a server that other machines can reach.
import { secretWeakness } from '../../../src/config/secret-strength.ts'
import { STRONG_SECRET } from './cluster-file.ts'

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
