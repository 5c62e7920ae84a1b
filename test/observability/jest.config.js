// `npm run test:observability`: boards and alerts against a real Prometheus. Needs the programs of Debian's package prometheus.
import base from '../../jest.config.js'

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/observability/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
}
