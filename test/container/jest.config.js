// `npm run test:container`: the suites that need a Docker engine and the image insi:test.
import base from '../../jest.config.js'

// The suites remove what they start; Testcontainers' own cleaner would be one more image to pull.
process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true'

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/container/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
}
