export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // These need a Docker engine, a Kubernetes (npm run test:container, npm run test:kube) or a browser: see test/browser.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/container/',
    '<rootDir>/test/kube/',
    '<rootDir>/test/browser/',
  ],
}
