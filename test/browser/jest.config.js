// What only a browser can show. Needs Chromium:
// CHROMIUM=/usr/bin/chromium npm test -- --config test/browser/jest.config.js
import base from '../../jest.config.js'

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 30_000,
}
