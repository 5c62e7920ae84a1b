// `npm run test:container`: the suites that need a Docker engine and the image insi:test.
import base from '../../jest.config.js'

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/container/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
}
